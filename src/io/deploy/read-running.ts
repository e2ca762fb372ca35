import { z } from "zod";
import type { Observed } from "../../core/deploy/index.ts";
import { isDigest, printable, type Digest } from "../../lib/index.ts";

const digest = z.custom<Digest>((value) => typeof value === "string" && isDigest(value));
const running = z.union([
  z.looseObject({ digest: digest.nullable() }).transform((one) => (one.digest === null ? [] : [one.digest])),
  z.looseObject({ digests: z.array(digest).max(100) }).transform(({ digests }) => digests),
]);

/** What a system says that it runs: `{ "digest": "sha256:…" }`, null where nothing does; `{ "digests": […] }` where several do. */
export function readRunning(json: unknown): Observed {
  const parsed = running.safeParse(json);
  if (!parsed.success) {
    const said = printable(JSON.stringify(json) ?? "nothing that is JSON").slice(0, 200);
    return { kind: "unknown", reason: `it did not say by \`digest\` what runs, but ${said}` };
  }
  const digests = [...new Set(parsed.data)];
  return digests.length === 0 ? { kind: "absent", reason: "it says that nothing runs" } : { kind: "running", digests };
}
