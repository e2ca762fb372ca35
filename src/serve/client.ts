import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { rootCertificates } from "node:tls";
import { z } from "zod";
import { AppError, collectBytes, messageOf, systemClock } from "../lib/index.ts";
import {
  operationNames,
  operations,
  progressEvent,
  role,
  type Connection,
  type OperationName,
  type Operations,
  type ProgressListener,
} from "../operation/index.ts";
import { ServeError } from "./error.ts";

/** Where a server is, and what it asks for: of one on this machine both stand in the lock file. */
export interface ServerAddress {
  /** `127.0.0.1:4000`, or with `http://` or `https://` before it. */
  readonly address: string;
  /** What gives it is asked at each request. */
  readonly token: string | (() => Promise<string>);
  /** Certificates in PEM that it is believed by, beside those of the system. */
  readonly ca?: string;
}

const answerBytes = 64 * 1024 * 1024;
const eventBytes = 1024 * 1024;

/**
 * The operations of a running server: the same type, codes and answers as in this process. No time limit of its own: a build takes as
 * long as it takes. Throws SERVER_UNREACHABLE, BAD_ANSWER, and whatever code the server answers.
 */
export function createOperationsClient(server: ServerAddress): Operations {
  const bind = (name: OperationName) => async (input: unknown) => {
    const response = await send(server, `/api/v1/operations/${name}`, JSON.stringify(input));
    const text = (await collectBytes(response, answerBytes, `the answer to ${name}`)).toString("utf8");
    const answer = parseJson(text);
    if (response.statusCode !== 200) throw remoteError(answer, response.statusCode ?? 0);
    const parsed = operations[name].output.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw new ServeError("BAD_ANSWER", `the server's answer to ${name} is not in the shape that this version knows`, {
      hint: "Server and command are of different versions: restart the server.",
      cause: parsed.error,
    });
  };
  return Object.fromEntries(operationNames.map((name) => [name, bind(name)])) as unknown as Operations;
}

const caller = z.object({
  name: z.string().max(1000),
  roles: z.array(role),
  labels: z.array(z.string().max(1000)).max(1000),
  version: z.string().max(100),
});

/** Who a server takes its token's holder for, and its version. Throws as createOperationsClient. */
export async function askCaller(server: ServerAddress): Promise<z.output<typeof caller>> {
  const response = await send(server, "/api/v1/caller");
  const answer = parseJson((await collectBytes(response, eventBytes, "the answer")).toString("utf8"));
  if (response.statusCode !== 200) throw remoteError(answer, response.statusCode ?? 0);
  const parsed = caller.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new ServeError("BAD_ANSWER", `what answers at ${server.address} is no Tidemill`, { cause: parsed.error });
}

/** A connection to a running server; its events go to `onEvent` until the connection is closed. */
export function connectServer(server: ServerAddress, onEvent?: ProgressListener): Connection {
  const closing = new AbortController();
  // Events are a courtesy: an operation goes on without them.
  if (onEvent !== undefined) followEvents(server, onEvent, closing.signal).catch(() => undefined);
  return {
    operations: createOperationsClient(server),
    served: true,
    close: () => {
      closing.abort();
      return Promise.resolve();
    },
  };
}

/** A server ends a stream now and then, to look at the credential again. */
const followPauseMs = 100;

/** Hands the server's events to `listener` until `signal` is aborted or the server ends or refuses; it resolves in all cases but where it does not answer at first. */
export async function followEvents(
  server: ServerAddress,
  listener: ProgressListener,
  signal: AbortSignal,
): Promise<void> {
  let wasHeard = false;
  try {
    for (;;) {
      const response = await send(server, "/api/v1/events", undefined, signal);
      if (response.statusCode !== 200) return void response.resume();
      wasHeard = true;
      await readEvents(response, listener);
      await systemClock.sleep(followPauseMs, signal);
    }
  } catch (error) {
    if (!signal.aborted && !wasHeard && error instanceof ServeError) throw error;
  }
}

async function readEvents(response: IncomingMessage, listener: ProgressListener): Promise<void> {
  let rest = "";
  response.setEncoding("utf8");
  for await (const chunk of response as AsyncIterable<string>) {
    const parts = (rest + chunk).split("\n\n");
    rest = (parts.pop() ?? "").slice(0, eventBytes);
    for (const part of parts) {
      const event = progressEvent.safeParse(parseJson(part.replace(/^data: /, "")));
      if (event.success) listener(event.data);
    }
  }
}

/** Sends a request, POST where there is a body. node:http rather than fetch: fetch gives up after five minutes without an answer. */
async function send(
  server: ServerAddress,
  path: string,
  body?: string,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const token = typeof server.token === "string" ? server.token : await server.token();
  return new Promise((resolve, reject) => {
    const url = new URL(path, server.address.includes("://") ? server.address : `http://${server.address}`);
    const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(url, {
      ...(server.ca === undefined ? {} : { ca: [...rootCertificates, server.ca] }),
      method: body === undefined ? "GET" : "POST",
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined
          ? {}
          : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
      },
      agent: false,
      ...(signal === undefined ? {} : { signal }),
    });
    request.on("response", resolve);
    request.on("error", (error) =>
      reject(
        new ServeError("SERVER_UNREACHABLE", `the server at ${server.address} does not answer: ${messageOf(error)}`, {
          hint: hintFor(url, error),
          retry: true,
          cause: error,
        }),
      ),
    );
    request.end(body);
  });
}

function hintFor({ protocol, hostname }: URL, error: NodeJS.ErrnoException): string {
  if (/CERT|SIGNATURE|ALTNAME|SELF_SIGNED|ISSUER/.test(error.code ?? ""))
    return "Its certificate is not believed: `tidemill login --ca FILE` names the authority that it is from.";
  if (protocol === "https:" || !/^(?:localhost|127\.|\[::1\])/.test(hostname))
    return "Is it up, and is that its address?";
  return "It may be stopping: try again. If it is gone, the next command takes the directory over.";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The server's error as it would have been thrown here: same code, so the same exit status. */
function remoteError(answer: unknown, status: number): AppError {
  const problem = answer as { code?: unknown; detail?: unknown; hint?: unknown } | null | undefined;
  if (typeof problem?.code === "string" && typeof problem.detail === "string") {
    return new AppError(problem.code, problem.detail, typeof problem.hint === "string" ? { hint: problem.hint } : {});
  }
  return new ServeError("BAD_ANSWER", `the server answered with status ${status} and no reason`);
}
