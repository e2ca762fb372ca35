import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { collectBytes, messageOf, printable } from "../../lib/index.ts";
import { ClusterError } from "./error.ts";
import { execShape, type ExecConfig, type ExecCredential, type ExecCredentials } from "./exec-credential.ts";

/** How an API server is reached, and as whom. */
export interface ClusterAccess {
  readonly server: string;
  readonly tls: {
    readonly ca?: Buffer;
    readonly cert?: Buffer;
    readonly key?: Buffer;
    readonly servername?: string;
    readonly rejectUnauthorized: boolean;
  };
  readonly token: string | undefined;
  /** What of it a program gave us: the server may not take it any more. */
  readonly given?: { readonly credential: ExecCredential; readonly program: string };
}

/** Where access is written down: a kubeconfig, or the service account of the pod that we are in. */
export interface AccessSource {
  /** Absolute; the service account without it. */
  readonly kubeconfig: string | undefined;
  /** The current one without it. */
  readonly context: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const maxBytes = 1 << 20;
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";
const text = z.string().max(1 << 20);
const named = <T extends z.ZodType>(key: string, value: T) =>
  z
    .array(z.looseObject({ name: text, [key]: value }))
    .max(1000)
    .default([]);
const kubeconfig = z.looseObject({
  "current-context": text.optional(),
  contexts: named("context", z.looseObject({ cluster: text, user: text.optional() })),
  clusters: named(
    "cluster",
    z.looseObject({
      server: text.regex(/^https?:\/\/[^\s@]+$/),
      "certificate-authority": text.optional(),
      "certificate-authority-data": text.optional(),
      "insecure-skip-tls-verify": z.boolean().optional(),
      "tls-server-name": text.optional(),
      "proxy-url": text.optional(),
      extensions: z
        .array(z.looseObject({ name: text.optional(), extension: z.unknown() }))
        .max(100)
        .nullish(),
    }),
  ),
  users: named(
    "user",
    z.looseObject({
      token: text.optional(),
      tokenFile: text.optional(),
      "client-certificate": text.optional(),
      "client-certificate-data": text.optional(),
      "client-key": text.optional(),
      "client-key-data": text.optional(),
      exec: execShape.nullish(),
    }),
  ),
});
/** What a user of a kubeconfig may have that we do not use: asking without it would be asking as somebody else. */
const unused = ["auth-provider", "username", "password", "as", "as-groups", "as-uid", "as-user-extra"];

/**
 * Reads how a cluster is reached: a kubeconfig (the v1 Config of client-go: server, authority, token, client certificate, in the file, beside it or by a program), or the service account that Kubernetes gives a pod. Read anew at every
 * use, for both change. Throws BAD_ACCESS.
 */
export async function readAccess(
  source: AccessSource,
  programs: ExecCredentials,
  signal: AbortSignal,
): Promise<ClusterAccess> {
  const { kubeconfig: path } = source;
  return path === undefined ? readServiceAccount(source) : readKubeconfig(path, source, programs, signal);
}

async function readServiceAccount({ env }: AccessSource): Promise<ClusterAccess> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = env;
  if (host === undefined)
    throw new ClusterError("BAD_ACCESS", "no `kubeconfig:` is named, and this is no pod of a cluster", {
      hint: "Name the file by `kubeconfig:`, or run Tidemill in the cluster with a service account.",
    });
  const [ca, token] = await Promise.all([readFile(`${serviceAccount}/ca.crt`), readFile(`${serviceAccount}/token`)]);
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { server, tls: { ca, rejectUnauthorized: true }, token: token.toString("utf8").trim() };
}

async function readKubeconfig(
  path: string,
  { context }: AccessSource,
  programs: ExecCredentials,
  signal: AbortSignal,
): Promise<ClusterAccess> {
  const parsed = kubeconfig.safeParse(parseYaml(path, await readFile(path)));
  if (!parsed.success) throw bad(path, `it is no kubeconfig at ${parsed.error.issues[0]?.path.join(".") ?? "its top"}`);
  const { contexts, clusters, users } = parsed.data;
  const name = context ?? parsed.data["current-context"] ?? "";
  const chosen = contexts.find((one) => one.name === name)?.context;
  if (chosen === undefined) throw bad(path, `it has no context ${printable(name).slice(0, 200)}`);
  const { cluster: clusterName, user: userName } = chosen as { readonly cluster: string; readonly user?: string };
  const cluster = clusters.find((one) => one.name === clusterName)?.cluster as Cluster | undefined;
  if (cluster === undefined) throw bad(path, `it has no cluster ${printable(clusterName).slice(0, 200)}`);
  if (cluster["proxy-url"] !== undefined) throw bad(path, "its cluster has a `proxy-url`, which is not used here");
  const user = (users.find((one) => one.name === userName)?.user ?? {}) as User;
  const strange = unused.find((key) => user[key] !== undefined);
  if (strange !== undefined)
    throw bad(path, `its user has \`${strange}\`, which is not used here: give it a token or a client certificate`);
  const load = async (data: string | undefined, file: string | undefined): Promise<Buffer | undefined> => {
    if (data !== undefined) return Buffer.from(data, "base64");
    return file === undefined ? undefined : readFile(resolve(dirname(path), file));
  };
  const [ca, cert, key, tokenFile] = await Promise.all([
    load(cluster["certificate-authority-data"], cluster["certificate-authority"]),
    load(user["client-certificate-data"], user["client-certificate"]),
    load(user["client-key-data"], user["client-key"]),
    load(undefined, user.tokenFile),
  ]);
  const servername = cluster["tls-server-name"];
  const token = tokenFile?.toString("utf8").trim() ?? user.token;
  // A token that stands there is used, as client-go does.
  const given =
    user.exec === undefined || user.exec === null || token !== undefined
      ? undefined
      : await programs.get({ exec: user.exec, kubeconfig: path, cluster: toldOf(cluster, ca) }, signal);
  const pair = given?.cert === undefined ? { cert, key } : { cert: given.cert, key: given.key };
  return {
    server: cluster.server.replace(/\/+$/, ""),
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(pair.cert === undefined ? {} : { cert: pair.cert }),
      ...(pair.key === undefined ? {} : { key: pair.key }),
      ...(servername === undefined ? {} : { servername }),
      rejectUnauthorized: cluster["insecure-skip-tls-verify"] !== true,
    },
    token: token ?? given?.token,
    ...(given === undefined ? {} : { given: { credential: given, program: user.exec?.command ?? "" } }),
  };
}

/** What a program is told of the cluster: client.authentication.k8s.io, Cluster. */
function toldOf(cluster: Cluster, ca: Buffer | undefined): Readonly<Record<string, unknown>> {
  const config = (cluster.extensions ?? []).find(({ name }) => name === "client.authentication.k8s.io/exec")?.extension;
  const servername = cluster["tls-server-name"];
  return {
    server: cluster.server,
    ...(servername === undefined ? {} : { "tls-server-name": servername }),
    ...(cluster["insecure-skip-tls-verify"] === true ? { "insecure-skip-tls-verify": true } : {}),
    ...(ca === undefined ? {} : { "certificate-authority-data": ca.toString("base64") }),
    config: config ?? null,
  };
}

interface Cluster {
  readonly server: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "tls-server-name"?: string;
  readonly "proxy-url"?: string;
  readonly extensions?: readonly { readonly name?: string; readonly extension?: unknown }[] | null;
}

type User = { readonly [Key in string]?: unknown } & {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly exec?: ExecConfig | null;
};

function parseYaml(path: string, bytes: Buffer): unknown {
  try {
    return parse(bytes.toString("utf8"), { maxAliasCount: 100 }) as unknown;
  } catch {
    // What stands there may be a secret.
    throw bad(path, "it is no YAML");
  }
}

async function readFile(path: string): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      return await collectBytes(file.createReadStream({ autoClose: false }), maxBytes, path);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw bad(path, `it cannot be read: ${messageOf(error)}`);
  }
}

function bad(path: string, why: string): ClusterError {
  return new ClusterError("BAD_ACCESS", `${path}: ${why}`, {
    hint: "Look at `kubeconfig:` and `context:` of this deployment.",
  });
}
