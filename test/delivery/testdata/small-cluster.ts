import { execFile, spawn, type ChildProcess } from "node:child_process";
import { access, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { Agent, request } from "undici";
import { afterAll, beforeAll } from "vitest";
import { freePort } from "../../free-port.ts";
import { needs } from "../../needs.ts";
import { startNode, type Behaviour } from "./small-node.ts";

const run = promisify(execFile);
const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "tidemill");
const program = process.env["TIDEMILL_SMALL_KUBERNETES"] ?? join(cache, "small-kubernetes");

/** Why a cluster cannot be started here, for `needs`. */
async function missingCluster(): Promise<string | undefined> {
  const hasProgram = await access(program).then(
    () => true,
    () => false,
  );
  if (!hasProgram) return "the API server of Kubernetes: scripts/build-small-kubernetes";
  const hasEtcd = await run("etcd", ["--version"]).then(
    () => true,
    () => false,
  );
  return hasEtcd ? undefined : "etcd, which is not installed";
}

export interface SmallCluster {
  readonly folder: string;
  /** Path of a kubeconfig, by user. */
  readonly kubeconfig: (user: "admin" | "tidemill") => string;
  /** A patch that is a list is a JSON patch, else a strategic merge patch. */
  readonly ask: (method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: unknown) => Promise<unknown>;
  /** `*`: every digest that is not named. */
  readonly behave: (digest: string, how: Behaviour) => void;
  readonly end: () => Promise<void>;
}

/** A cluster for the tests of a file: `begin` gets it before the first, and it is ended after the last. Gives the `it` of those tests. */
export async function withCluster(begin: (cluster: SmallCluster) => unknown): Promise<ReturnType<typeof needs>> {
  const missing = await missingCluster();
  if (missing === undefined) {
    let cluster: SmallCluster;
    beforeAll(async () => {
      cluster = await startCluster();
      await begin(cluster);
    }, 120_000);
    afterAll(() => cluster.end(), 60_000);
  }
  return needs(missing);
}

/** Starts etcd, the API server and the controllers of Kubernetes, and one node that runs nothing and says how what it was given does. */
async function startCluster(): Promise<SmallCluster> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-cluster-"));
  const [store, peer, port] = [await freePort(), await freePort(), await freePort()];
  const children: ChildProcess[] = [];
  const start = (path: string, args: readonly string[]): void => {
    children.push(spawn(path, args, { cwd: folder, stdio: "ignore" }));
  };
  const storeUrl = `http://127.0.0.1:${store}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  start("etcd", [
    "--data-dir=etcd",
    "--unsafe-no-fsync",
    `--listen-client-urls=${storeUrl}`,
    `--advertise-client-urls=${storeUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
  ]);
  await run("openssl", ["genrsa", "-out", join(folder, "sa.key"), "2048"]);
  // Whoever shows a certificate of this authority is who it says.
  const authority = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=clients", "-days", "2"];
  await run("openssl", ["req", ...authority, "-keyout", join(folder, "clients.key"), "-out", join(folder, "clients.crt")]);
  const users = { admin: "of-the-admin", tidemill: "of-tidemill" };
  await writeFile(
    join(folder, "tokens.csv"),
    `${users.admin},admin,admin,system:masters\n${users.tidemill},tidemill,tidemill\n`,
  );
  const url = `https://127.0.0.1:${port}`;
  const kubeconfig = (user: keyof typeof users): string => join(folder, `${user}.yaml`);
  for (const user of ["admin", "tidemill"] as const)
    await writeFile(
      kubeconfig(user),
      JSON.stringify({
        "current-context": "lab",
        contexts: [{ name: "lab", context: { cluster: "lab", user } }],
        clusters: [{ name: "lab", cluster: { server: url, "certificate-authority": "certs/apiserver.crt" } }],
        users: [{ name: user, user: { token: users[user] } }],
      }),
    );
  for (const name of ["kube-apiserver", "kube-controller-manager"]) await symlink(program, join(folder, name));
  start("./kube-apiserver", [
    `--etcd-servers=${storeUrl}`,
    `--secure-port=${port}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    "--cert-dir=certs",
    "--service-account-key-file=sa.key",
    "--service-account-signing-key-file=sa.key",
    "--service-account-issuer=https://tidemill.test",
    "--token-auth-file=tokens.csv",
    "--client-ca-file=clients.crt",
    "--authorization-mode=RBAC",
    "--service-cluster-ip-range=10.0.0.0/24",
    "--disable-admission-plugins=ServiceAccount",
  ]);
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  const ask: SmallCluster["ask"] = async (method, path, body) => {
    const patch = Array.isArray(body) ? "application/json-patch+json" : "application/strategic-merge-patch+json";
    const type = method === "PATCH" ? patch : "application/json";
    const response = await request(url + path, {
      method,
      dispatcher: agent,
      headers: { authorization: `Bearer ${users.admin}`, "content-type": type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.body.text();
    if (response.statusCode >= 300 && response.statusCode !== 404 && response.statusCode !== 409)
      throw new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 500)}`);
    return text.startsWith("{") ? (JSON.parse(text) as unknown) : text;
  };
  for (let count = 0; ; count += 1) {
    if ((await ask("GET", "/readyz").catch(() => undefined)) === "ok") break;
    if (count > 240) throw new Error("the API server does not come up");
    await delay(250);
  }
  await readFile(join(folder, "certs/apiserver.crt"));
  start("./kube-controller-manager", [
    `--kubeconfig=${kubeconfig("admin")}`,
    "--leader-elect=false",
    "--secure-port=0",
    "--controllers=deployment-controller,replicaset-controller,statefulset-controller,daemonset-controller,job-controller,garbage-collector-controller",
  ]);
  const behaviours = new Map<string, Behaviour>();
  const node = await startNode(ask, behaviours, join(folder, "certs"));
  return {
    folder,
    kubeconfig,
    ask,
    behave: (digest, how) => void behaviours.set(digest, how),
    end: async () => {
      await node.end();
      await agent.destroy();
      await Promise.all(
        children.map(async (child) => {
          if (child.exitCode !== null) return;
          const ended = new Promise((resolve) => child.once("exit", resolve));
          child.kill("SIGKILL");
          await ended;
        }),
      );
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface ReplicaSets {
  readonly items: readonly {
    readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
    readonly spec: { readonly template: { readonly metadata: { readonly labels: Record<string, string> } } };
  }[];
}

const revision = "deployment.kubernetes.io/revision";

/** What `kubectl rollout undo deployment/…` does (kubectl's polymorphichelpers, DeploymentRollbacker): the template and the annotations of an older ReplicaSet in place of what stands there. `to`: the revision; the one before the newest without it. */
export async function undoRollout(
  { ask }: Pick<SmallCluster, "ask">,
  namespace: string,
  name: string,
  to?: number,
): Promise<void> {
  const group = `/apis/apps/v1/namespaces/${namespace}`;
  const { items } = (await ask("GET", `${group}/replicasets?labelSelector=app%3D${name}`)) as ReplicaSets;
  const revisionOf = (one: ReplicaSets["items"][number]): number => Number(one.metadata.annotations[revision]);
  const sorted = [...items].sort((a, b) => revisionOf(b) - revisionOf(a));
  const old = to === undefined ? sorted[1] : sorted.find((one) => revisionOf(one) === to);
  if (old === undefined) throw new Error("there is no revision to go back to");
  const { "pod-template-hash": _hash, ...labels } = old.spec.template.metadata.labels;
  const { [revision]: _revision, ...annotations } = old.metadata.annotations;
  await ask("PATCH", `${group}/deployments/${name}`, [
    { op: "replace", path: "/spec/template", value: { ...old.spec.template, metadata: { labels } } },
    { op: "replace", path: "/metadata/annotations", value: annotations },
  ]);
}
