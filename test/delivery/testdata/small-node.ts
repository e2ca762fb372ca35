import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

type Ask = (method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: unknown) => Promise<unknown>;

/** How a node takes a digest: for ever, or to an end with a status and what was said until then. */
export type Behaviour =
  | "ready"
  | "crash"
  | "unpullable"
  | "slow"
  | { readonly exit?: number; readonly reason?: string; readonly message?: string; readonly log?: string };

/** What the node says of itself: pods that want other labels find no node. */
const labels: Readonly<Record<string, string>> = { "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" };

export interface SmallNode {
  readonly end: () => Promise<void>;
}

/** A scheduler and a kubelet in one, which run nothing: what becomes of a pod is what its digest is known for, and its log too. `certs`: the folder of a certificate that the API server is served the logs by. */
export async function startNode(
  ask: Ask,
  behaviours: ReadonlyMap<string, Behaviour>,
  certs: string,
): Promise<SmallNode> {
  const digests = new Map<string, string | undefined>();
  const [cert, key] = await Promise.all(["apiserver.crt", "apiserver.key"].map((name) => readFile(`${certs}/${name}`)));
  const server = createServer({ cert, key }, (incoming, response) => {
    const url = new URL(incoming.url ?? "", "https://node");
    const [, what, namespace = "", pod = "", container = ""] = url.pathname.split("/");
    const known = behaviourOf(digests.get(`${namespace}/${pod}/${container}`), behaviours);
    const log = typeof known === "object" ? (known.log ?? "") : "";
    if (what !== "containerLogs") return void response.writeHead(404).end();
    const tail = url.searchParams.get("tailLines");
    const lines = tail === null ? log : `${log.trimEnd().split("\n").slice(-Number(tail)).join("\n")}\n`;
    response.end(lines.slice(0, Number(url.searchParams.get("limitBytes") ?? lines.length)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await ask("POST", "/api/v1/nodes", { metadata: { name: "node", labels } });
  await ask("PATCH", "/api/v1/nodes/node/status", {
    status: {
      conditions: [{ type: "Ready", status: "True" }],
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      daemonEndpoints: { kubeletEndpoint: { Port: (server.address() as AddressInfo).port } },
    },
  });
  // A new node is out of bounds until a controller that is not started here has seen it.
  await ask("PATCH", "/api/v1/nodes/node", { spec: { taints: null } });
  const stop = new AbortController();
  const running = (async () => {
    while (!stop.signal.aborted) {
      try {
        const { items } = (await ask("GET", "/api/v1/pods")) as { readonly items: readonly Pod[] };
        for (const pod of items) {
          for (const { name, image } of pod.spec.containers)
            digests.set(`${pod.metadata.namespace}/${pod.metadata.name}/${name}`, image.split("@")[1]);
          // One may have gone meanwhile.
          await tend(ask, pod, behaviours).catch(() => undefined);
        }
      } catch {
        // It is about to end.
      }
      await delay(150);
    }
  })();
  return {
    end: async () => {
      stop.abort();
      await running;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Pod {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly deletionTimestamp?: string };
  readonly spec: {
    readonly nodeName?: string;
    readonly nodeSelector?: Readonly<Record<string, string>>;
    readonly containers: readonly { readonly name: string; readonly image: string }[];
  };
  readonly status: { readonly phase?: string };
}

async function tend(ask: Ask, pod: Pod, behaviours: ReadonlyMap<string, Behaviour>): Promise<void> {
  const { name, namespace, deletionTimestamp } = pod.metadata;
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  if (deletionTimestamp !== undefined) {
    await ask("DELETE", path, { gracePeriodSeconds: 0 });
    return;
  }
  if (pod.status.phase === "Succeeded" || pod.status.phase === "Failed") return;
  if (pod.spec.nodeName === undefined) {
    if (Object.entries(pod.spec.nodeSelector ?? {}).some(([key, value]) => labels[key] !== value)) {
      const message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
      const unscheduled = { type: "PodScheduled", status: "False", reason: "Unschedulable", message };
      await ask("PATCH", `${path}/status`, { status: { conditions: [unscheduled] } });
      return;
    }
    await ask("POST", `${path}/binding`, { metadata: { name }, target: { kind: "Node", name: "node" } });
  }
  const statuses = pod.spec.containers.map((container) => describe(container, behaviours));
  const isReady = statuses.every(({ ready }) => ready);
  const conditions = ["Ready", "ContainersReady"].map((type) => ({ type, status: isReady ? "True" : "False" }));
  const ends = statuses.flatMap(({ exit }) => exit ?? []);
  const phase = ends.length < statuses.length ? "Running" : ends.every((exit) => exit === 0) ? "Succeeded" : "Failed";
  const containerStatuses = statuses.map(({ exit: _exit, ...status }) => status);
  await ask("PATCH", `${path}/status`, { status: { phase, conditions, containerStatuses } });
}

function behaviourOf(digest: string | undefined, behaviours: ReadonlyMap<string, Behaviour>): Behaviour | undefined {
  return digest === undefined ? "ready" : (behaviours.get(digest) ?? behaviours.get("*"));
}

function describe(
  { name, image }: Pod["spec"]["containers"][number],
  behaviours: ReadonlyMap<string, Behaviour>,
): { readonly ready: boolean; readonly exit?: number } & Readonly<Record<string, unknown>> {
  const own = { name, image, imageID: image, restartCount: 0 };
  const behaviour = behaviourOf(image.split("@")[1], behaviours);
  if (typeof behaviour === "object") {
    const { exit, reason = exit === 0 ? "Completed" : "Error", message } = behaviour;
    if (exit === undefined) return { ...own, ready: true, state: { running: {} } };
    return { ...own, ready: false, exit, state: { terminated: { exitCode: exit, reason, message } } };
  }
  switch (behaviour) {
    case "crash": {
      const waiting = { reason: "CrashLoopBackOff", message: "back-off 10s restarting failed container" };
      const lastState = { terminated: { exitCode: 3, reason: "Error", message: "it cannot go on" } };
      return { ...own, ready: false, restartCount: 2, state: { waiting }, lastState };
    }
    case "unpullable": {
      const waiting = { reason: "ImagePullBackOff", message: "Back-off pulling image" };
      return { ...own, imageID: "", ready: false, state: { waiting } };
    }
    case "slow":
      return { ...own, ready: false, state: { running: {} } };
    default:
      return { ...own, ready: true, state: { running: {} } };
  }
}
