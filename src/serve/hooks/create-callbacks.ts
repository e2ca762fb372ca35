import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import type { Store } from "../../io/store/index.ts";
import {
  isDigest,
  isSameSecret,
  messageOf,
  printable,
  sha256,
  tryShape,
  webAddress,
  type Clock,
  type Digest,
  type Logger,
} from "../../lib/index.ts";
import { createLimiter } from "../access/create-limiter.ts";
import { TooManyError } from "../access/too-many-error.ts";
import { errorAnswer } from "../error-answer.ts";
import { ServeError } from "../error.ts";
import { sendAnswer, type Answer } from "../send-answer.ts";
import { createBodyReader } from "./read-body.ts";

export interface CallbacksOptions {
  readonly store: Pick<Store, "saveRunAnswer" | "hurryRebuild">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when something was learned. */
  readonly onAnswer: () => void;
  /** Wrong tokens from one address within `per` milliseconds. */
  readonly refusals: { readonly count: number; readonly perMs: number };
}

/** Who sends a request, as access has found it out. */
export interface Caller {
  readonly address: string;
  readonly isLocal: boolean;
}

/** Where pipelines say what they built: answers `POST /pipelines/ID`. */
export type Callbacks = (request: IncomingMessage, response: ServerResponse, caller: Caller) => void;

const bodyBytes = 4096;
const said = z.union([
  z.strictObject({ digest: z.string().refine((text): text is Digest => isDigest(text), { error: "no digest" }) }),
  z.strictObject({ failed: z.string().min(1).max(1000), url: z.string().max(2000).optional() }),
]);
/** What no token hashes to. */
const nothing = sha256("");

/**
 * Takes the word of a pipeline for one run, proven by the token that this run was told: the digest that it pushed, or that it failed. A token is good for one answer, which may be sent again; it opens nothing else. What is not proven learns nothing,
 * not even whether there is such a run.
 */
export function createCallbacks({ store, clock, logger, onAnswer, refusals }: CallbacksOptions): Callbacks {
  const readBody = createBodyReader({ timeMs: 10_000, bodyBytes });
  const refused = createLimiter(refusals, clock);
  return (request, response, caller) => {
    receive(request, caller).then(
      (answer) => sendAnswer(request, response, answer),
      (error: unknown) => {
        const { status, body } = errorAnswer(error);
        if (status >= 500) logger.error({ err: error }, "the word of a pipeline could not be kept");
        else logger.info({ from: caller.address }, `the word of a pipeline was not taken: ${messageOf(error)}`);
        const wait = error instanceof TooManyError ? error.retryAfter : 5;
        const later = status === 429 || status >= 500 ? { headers: { "retry-after": `${wait}` } } : {};
        sendAnswer(request, response, { status, body, ...later });
      },
    );
  };

  async function receive(request: IncomingMessage, caller: Caller): Promise<Answer> {
    if (request.method !== "POST") return { status: 405, headers: { allow: "POST" } };
    const wait = caller.isLocal ? undefined : refused.look(caller.address);
    if (wait !== undefined) throw new TooManyError("too many tokens that do not count came from there", wait);
    const url = new URL(request.url ?? "/", "http://localhost");
    const id = /^\/pipelines\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(url.pathname)?.[1];
    const [, token] = /^Bearer ([\w-]{1,200})$/.exec(request.headers.authorization ?? "") ?? [];
    if (id === undefined || token === undefined) throw refuse(caller);
    const { body } = await readBody(request, url.searchParams);
    const answer = readAnswer(body);
    const hash = sha256(token);
    const isRight = (known: string | null): boolean => isSameSecret(known ?? nothing, hash) && known !== null;
    const outcome = await store.saveRunAnswer(id, isRight, answer);
    if (outcome.kind === "unproven") throw refuse(caller);
    if (outcome.kind === "differs" || outcome.kind === "over") {
      const why =
        outcome.kind === "differs" ? "this run gave another digest before" : "nobody waits for this run any more";
      throw new ServeError("ANSWERED", why, { hint: "What was built stays in its repository, and goes nowhere." });
    }
    if (outcome.kind === "taken") {
      await store.hurryRebuild(outcome.rebuild);
      onAnswer();
    }
    return { status: 200, body: { kind: outcome.kind } };
  }

  function refuse({ isLocal, address }: Caller): ServeError {
    if (!isLocal) refused.take(address);
    return new ServeError("UNAUTHORIZED", "there is no such run, or this is not its token", {
      hint: "Send the token that the run was told as `Authorization: Bearer TOKEN` to the address that it was told.",
    });
  }
}

function readAnswer(body: Uint8Array): Parameters<Store["saveRunAnswer"]>[2] {
  const read = tryShape(said, parse(body));
  if (!read.success)
    throw new ServeError("BAD_EVENT", "not the word of a pipeline", {
      hint: 'Send `{ "digest": "sha256:…" }`, or `{ "failed": "why", "url": "https://…" }`.',
    });
  if ("digest" in read.data) return { kind: "digest", digest: read.data.digest };
  const { failed, url = "" } = read.data;
  return { kind: "failed", reason: printable(failed), url: webAddress(url, "") || undefined };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}
