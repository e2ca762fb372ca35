import { setTimeout as delay } from "node:timers/promises";
import { Client, request, type Dispatcher } from "undici";
import { z } from "zod";
import { LimitError, collectBytes, messageOf, printable, systemClock, type Clock } from "../../lib/index.ts";
import { ClusterError } from "./error.ts";
import { createExecCredentials, defaultExecLimits, type ExecLimits } from "./exec-credential.ts";
import {
  followList,
  readEvents,
  watchQuery,
  type FollowEars,
  type FollowTimes,
  type WatchedList,
  type Watching,
} from "./watch-list.ts";
import { shareFollows } from "./share-follows.ts";
import { readAccess, type AccessSource, type ClusterAccess } from "./read-access.ts";

/** What an answer may take. */
export interface ClusterLimits {
  readonly timeoutMs: number;
  readonly bytes: number;
  readonly pages: number;
  /** The longest wait that a busy server is granted, in milliseconds. */
  readonly retryMs: number;
  /** Of a program that gives credentials. */
  readonly exec: ExecLimits;
  /** Of watches; usual ones without it. */
  readonly follow?: FollowTimes;
}

const defaultLimits: ClusterLimits = {
  timeoutMs: 15_000,
  bytes: 16 << 20,
  pages: 50,
  retryMs: 5000,
  exec: defaultExecLimits,
};
const pageSize = 100;
const tries = 3;
const page = z.looseObject({
  items: z.array(z.unknown()).max(10_000).nullable(),
  metadata: z
    .looseObject({ continue: z.string().max(100_000).optional(), resourceVersion: z.string().max(1000).optional() })
    .optional(),
});
const status = z.looseObject({ message: z.string().optional() });

/** As much of a Kubernetes API server as deployments and checks need. Everything throws ClusterError; an abort is thrown on. */
export interface Cluster {
  /** An object; undefined where there is none. */
  readonly read: (path: string, signal: AbortSignal) => Promise<unknown>;
  /** Every object of a list, page by page. `selector`: of labels; `fields`: of fields. */
  readonly list: (
    path: string,
    selector: string | undefined,
    signal: AbortSignal,
    fields?: string,
  ) => Promise<readonly unknown[]>;
  /** A strategic merge patch. `conflict`: the object is not what it was when it was read, or is gone. */
  readonly patch: (path: string, body: unknown, signal: AbortSignal) => Promise<"patched" | "conflict">;
  /** Makes an object in the list at `path`, fields that nobody knows refused. `exists`: there is one of that name. Throws MISSING where there is no such list or namespace. */
  readonly create: (path: string, body: unknown, signal: AbortSignal) => Promise<{ readonly made: unknown } | "exists">;
  /** Text, such as a log; undefined where there is none. `path` with its query. */
  readonly readText: (path: string, signal: AbortSignal) => Promise<string | undefined>;
  /** Deletes an object, by its uid: another one of that name, and none, stay as they are. `foreground`: it goes after what it owns. */
  readonly remove: (path: string, uid: string, signal: AbortSignal, propagation?: "foreground") => Promise<void>;
  /** Hears of every change of a list until `signal`; what goes wrong meanwhile is tried again. */
  readonly follow: (list: WatchedList, ears: FollowEars, signal: AbortSignal) => Promise<void>;
}

interface Answer {
  readonly code: number;
  readonly json: unknown;
  readonly text: string;
}

/** A client of the Kubernetes API (API conventions: chunked lists, 409 on a resourceVersion that is not the newest, 410 on a list that is too old, 429 with Retry-After). Redirects are not followed; an answer has limits of size and time. A credential that a program gave is asked for anew where the server does not take it, once. */
export function createCluster(
  source: AccessSource,
  limits: ClusterLimits = defaultLimits,
  clock: Pick<Clock, "now"> = systemClock,
): Cluster {
  const programs = createExecCredentials(clock, limits.exec);
  const ask = async (
    method: Dispatcher.HttpMethod,
    path: string,
    body: unknown,
    signal: AbortSignal,
    isText = false,
  ): Promise<Answer> => {
    let hasRenewed = false;
    for (let attempt = 1; ; attempt += 1) {
      // A token is replaced every hour, and a file by a person.
      const access = await readAccess(source, programs, signal);
      const answer = await askOnce(access, method, path, body, limits, signal);
      if (answer.code === 401 && access.given !== undefined) {
        const { credential, program } = access.given;
        programs.drop(credential);
        if (hasRenewed) throw notTaken(path, answer, program);
        hasRenewed = true;
        continue;
      }
      if (answer.code === 429 && attempt < tries) {
        await delay(Math.min(limits.retryMs, answer.retryAfterMs), undefined, { signal });
        continue;
      }
      if (answer.code >= 200 && answer.code < 300 && answer.json === undefined && !isText)
        throw new ClusterError("UNREACHABLE", `${access.server}${path}: its answer is no JSON`);
      return answer;
    }
  };
  const list = async (
    path: string,
    selector: string | undefined,
    signal: AbortSignal,
    fields?: string,
    isAgain = false,
  ): Promise<readonly unknown[]> => {
    const items: unknown[] = [];
    let next = "";
    for (let count = 0; count < limits.pages; count += 1) {
      const query = new URLSearchParams({ limit: `${pageSize}` });
      if (selector !== undefined) query.set("labelSelector", selector);
      if (fields !== undefined) query.set("fieldSelector", fields);
      if (next !== "") query.set("continue", next);
      const at = `${path}?${query.toString()}`;
      const answer = await ask("GET", at, undefined, signal);
      // The list is older than what the server remembers.
      if (answer.code === 410 && !isAgain) return list(path, selector, signal, fields, true);
      if (answer.code !== 200) throw refusal(path, answer);
      const parsed = page.safeParse(answer.json);
      if (!parsed.success) throw new ClusterError("UNREACHABLE", `${path}: its answer is no list`);
      items.push(...(parsed.data.items ?? []));
      next = parsed.data.metadata?.continue ?? "";
      if (next === "") return items;
    }
    throw new ClusterError("TOO_LARGE", `${path}: there are more than ${limits.pages * pageSize}`);
  };
  const watching: Watching = {
    version: async ({ path, selector, fields }, signal) => {
      const query = new URLSearchParams({ limit: "1" });
      if (selector !== undefined) query.set("labelSelector", selector);
      if (fields !== undefined) query.set("fieldSelector", fields);
      const answer = await ask("GET", `${path}?${query.toString()}`, undefined, signal);
      if (answer.code !== 200) throw refusal(path, answer);
      const parsed = page.safeParse(answer.json);
      const version = parsed.success ? parsed.data.metadata?.resourceVersion : undefined;
      if (version === undefined) throw new ClusterError("UNREACHABLE", `${path}: its answer is no list`);
      return version;
    },
    watch: async (list, from, seconds, ears, signal) => {
      const access = await readAccess(source, programs, signal);
      const path = `${list.path}?${watchQuery(list, from, seconds)}`;
      // A connection that died unseen tells nothing any more.
      const patient = { ...limits, timeoutMs: seconds * 1000 + limits.timeoutMs };
      return onAnswer(access, { method: "GET", path, accept: onlyMetadata }, patient, signal, async (response) => {
        if (response.statusCode === 410) return { kind: "gone" };
        if (response.statusCode !== 200) {
          if (response.statusCode === 401 && access.given !== undefined) programs.drop(access.given.credential);
          throw refusal(list.path, await readAnswer(response, limits, list.path));
        }
        ears.onOpen();
        return readEvents(response.body, from, ears);
      });
    },
  };
  return {
    list: (path, selector, signal, fields) => list(path, selector, signal, fields),
    read: async (path, signal) => {
      const answer = await ask("GET", path, undefined, signal);
      if (answer.code === 404) return undefined;
      if (answer.code !== 200) throw refusal(path, answer);
      return answer.json;
    },
    patch: async (path, body, signal) => {
      const answer = await ask("PATCH", `${path}?fieldManager=tidemill`, body, signal);
      // A webhook that denies may say so by any status.
      if (isAdmission(answer)) throw refusal(path, answer);
      if (answer.code === 409 || answer.code === 404) return "conflict";
      if (answer.code !== 200) throw refusal(path, answer);
      return "patched";
    },
    create: async (path, body, signal) => {
      const answer = await ask("POST", `${path}?fieldManager=tidemill&fieldValidation=Strict`, body, signal);
      if (isAdmission(answer)) throw refusal(path, answer);
      if (answer.code === 409) return "exists";
      if (answer.code === 404) throw new ClusterError("MISSING", refusal(path, answer).message);
      if (answer.code !== 201) throw refusal(path, answer);
      return { made: answer.json };
    },
    readText: async (path, signal) => {
      const answer = await ask("GET", path, undefined, signal, true);
      if (answer.code === 404) return undefined;
      if (answer.code !== 200) throw refusal(path, answer);
      return answer.text;
    },
    follow: shareFollows((list, ears, signal) => followList(watching, list, ears, signal, limits.follow)),
    remove: async (path, uid, signal, propagation) => {
      const how = propagation === undefined ? {} : { propagationPolicy: "Foreground" };
      const answer = await ask("DELETE", path, { preconditions: { uid }, ...how }, signal);
      if (![200, 202, 404, 409].includes(answer.code)) throw refusal(path, answer);
    },
  };
}

/** Of what changed it is enough to know that it did. Kubernetes API Concepts, "Alternate representations of resources". */
const onlyMetadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, application/json";

interface Question {
  readonly method: Dispatcher.HttpMethod;
  readonly path: string;
  readonly body?: unknown;
  readonly accept?: string;
}

function askOnce(
  access: ClusterAccess,
  method: Dispatcher.HttpMethod,
  path: string,
  body: unknown,
  limits: ClusterLimits,
  signal: AbortSignal,
): Promise<Answer & { readonly retryAfterMs: number }> {
  const where = access.server + path.replace(/\?.*/, "");
  return onAnswer(access, { method, path, body }, limits, signal, (response) => readAnswer(response, limits, where));
}

async function readAnswer(
  response: Dispatcher.ResponseData,
  limits: ClusterLimits,
  where: string,
): Promise<Answer & { readonly retryAfterMs: number }> {
  const bytes = await collectBytes(response.body, limits.bytes, where);
  const said = Number(response.headers["retry-after"]);
  const retryAfterMs = Number.isFinite(said) && said >= 0 ? said * 1000 : 1000;
  const text = bytes.toString("utf8");
  return { code: response.statusCode, json: parseJson(text), text, retryAfterMs };
}

/** Asks once, by a connection of its own, and ends that when the answer was used or its time is over. */
async function onAnswer<T>(
  { server, tls, token }: ClusterAccess,
  { method, path, body, accept = "application/json, */*" }: Question,
  limits: ClusterLimits,
  signal: AbortSignal,
  use: (response: Dispatcher.ResponseData) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const late = AbortSignal.timeout(limits.timeoutMs);
  const where = server + path.replace(/\?.*/, "");
  let client: Client | undefined;
  try {
    client = new Client(new URL(server).origin, { connect: tls, bodyTimeout: 0 });
    const response = await request(server + path, {
      method,
      dispatcher: client,
      signal: AbortSignal.any([signal, late]),
      headers: {
        accept,
        "user-agent": "tidemill",
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined
          ? {}
          : { "content-type": method === "PATCH" ? "application/strategic-merge-patch+json" : "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return await use(response);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ClusterError) throw error;
    if (error instanceof LimitError) throw new ClusterError("TOO_LARGE", error.message);
    const why = late.aborted ? `it did not answer within ${limits.timeoutMs} ms` : printable(messageOf(error));
    throw new ClusterError("UNREACHABLE", `${where}: ${why}`, { cause: error });
  } finally {
    await client?.destroy();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Whether a webhook or a policy denied a change (the words of apiserver's admission/plugin/webhook and plugin/policy/validating). */
function isAdmission({ code, json }: Answer): boolean {
  if (code < 400 || code >= 500) return false;
  return /^admission webhook "[^"]*" denied the request|\bdenied request: /.test(messageIn(json));
}

function messageIn(json: unknown): string {
  const said = status.safeParse(json);
  return said.success ? (said.data.message ?? "").slice(0, 10_000) : "";
}

function notTaken(path: string, answer: Answer, program: string): ClusterError {
  const name = printable(program.slice(0, 300));
  return new ClusterError("DENIED", `${refusal(path, answer).message}, with what ${name} gave just now`, {
    hint: `Whom ${name} gives a credential of is unknown to this cluster: look at its arguments and variables in the kubeconfig, and at who may come in.`,
  });
}

function refusal(path: string, answer: Answer): ClusterError {
  const { code, json } = answer;
  const said = messageIn(json);
  const message = said === "" ? "" : `: ${printable(said)}`;
  const text = `${path.replace(/\?.*/, "")}: it answered ${code}${message}`.slice(0, 1000);
  if (isAdmission(answer)) return new ClusterError("REFUSED", text);
  // Quotas, limits and the security of pods answer 403 as well; only of missing rights it is said who cannot do what.
  const lacksRights =
    code === 401 || (code === 403 && (said === "" || /\bcannot \w+ resource\b|\bcannot get\b/.test(said)));
  if (code === 403 && !lacksRights) return new ClusterError("REFUSED", text);
  if (lacksRights)
    return new ClusterError("DENIED", text, {
      hint: "docs/delivery.md says which rights a deployment needs, docs/checks.md which a check.",
    });
  return new ClusterError(code >= 500 || code === 429 || code < 400 ? "UNREACHABLE" : "REFUSED", text);
}
