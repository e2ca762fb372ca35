import { z } from "zod";
import type { ExternalPipeline, StartedRun } from "../../core/external/index.ts";
import {
  addressBeside,
  askJson,
  isDigest,
  printable,
  tryShape,
  webAddress,
  type Clock,
  type Digest,
} from "../../lib/index.ts";
import { isTrouble, signedHeaders } from "./ask-pipeline.ts";

export interface HttpRunsOptions {
  readonly url: string;
  /** Signs each request: `whsec_` and base64, or a text. */
  readonly secret: string;
  readonly clock: Pick<Clock, "now">;
}

const digest = z.string().refine((text): text is Digest => isDigest(text), { error: "no digest" });
const startedShape = z.looseObject({
  status: z.string().max(2000).optional(),
  url: z.string().max(2000).optional(),
  digest: digest.optional(),
});
const viewShape = z.looseObject({
  state: z.enum(["running", "succeeded", "failed"]),
  digest: digest.optional(),
  reason: z.string().max(20_000).optional(),
  url: z.string().max(2000).optional(),
});

/**
 * A pipeline that is asked by a signed request: `POST { "type": "build", "data": … }`. Any 2xx takes it; where its body names a status at the same origin, that is looked at. Every request about one run has the same
 * id, so that whoever saw it does not begin anew. Standard Webhooks.
 */
export function createHttpRuns({ url, secret, clock }: HttpRunsOptions): ExternalPipeline {
  const headersOf = (name: string, body: string) => signedHeaders({ id: `build-${name}`, secret }, clock, body);
  return {
    start: async (order, signal): Promise<StartedRun> => {
      const { name, callback, ...told } = order;
      const data = {
        ...told,
        tag: name,
        causes: order.causes.slice(0, 100),
        ...(callback === undefined ? {} : { callback: callback.url, token: callback.token }),
      };
      const body = JSON.stringify({ type: "build", data });
      const headers = { ...headersOf(name, body), "content-type": "application/json" };
      const answer = await askJson({ url, method: "POST", headers, body }, signal);
      if (answer.kind === "silent") return { kind: "later", reason: answer.reason, afterMs: undefined };
      const { status, json } = answer;
      if (isTrouble(answer)) return { kind: "later", reason: `it answered ${status}`, afterMs: undefined };
      if (status < 200 || status > 299)
        return {
          kind: "refused",
          reason: `it answered ${status}`,
          hint: "Look at `url:` and `secret:` of its pipeline.",
        };
      const read = tryShape(startedShape, json);
      const said = read.success ? read.data : {};
      return {
        kind: "started",
        run: addressBeside(url, said.status),
        url: shownAddress(said.url),
        ...(said.digest === undefined ? {} : { digest: said.digest }),
      };
    },
    // It is asked again with the same id, by which it knows whether it has begun.
    find: () => Promise.resolve({ kind: "hidden" }),
    look: async ({ run }, name, signal) => {
      const at = addressBeside(url, run);
      if (at === undefined) return { kind: "hidden" };
      const answer = await askJson({ url: at, method: "GET", headers: headersOf(name, "") }, signal);
      if (answer.kind === "silent") return { kind: "later", reason: answer.reason, afterMs: undefined };
      const read = tryShape(viewShape, answer.json);
      if (answer.status !== 200 || !read.success)
        return { kind: "later", reason: `its status answered ${answer.status} without a state`, afterMs: undefined };
      const { state, digest: given, reason = "it says that it failed" } = read.data;
      const shown = shownAddress(read.data.url);
      if (state === "failed") return { kind: "failed", url: shown, reason: printable(reason).slice(0, 500) };
      if (state === "succeeded" && given !== undefined) return { kind: "given", digest: given };
      return { kind: state, url: shown };
    },
    cancel: () => Promise.resolve({ kind: "hidden" }),
    check: () =>
      Promise.resolve({ kind: "unknown", message: "is asked only when there is something to build", hint: undefined }),
  };
}

function shownAddress(named: string | undefined): string | undefined {
  return webAddress(named ?? "", "") || undefined;
}
