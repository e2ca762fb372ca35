import { pipelinePlace } from "../../core/external/index.ts";
import { canonicalJson } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import { fail, warn, well, type Part } from "./diagnosis.ts";

/** The pipelines that build images, each asked whether it would; nothing is begun by that. */
export function pipelineParts({ config, pipelineOf }: Pick<Context, "config" | "pipelineOf">): Part[] {
  const known = new Set<string>();
  const parts: Part[] = [];
  for (const [image, declared] of Object.entries(config.images)) {
    if (declared.recipe !== "external") continue;
    const key = canonicalJson(declared.pipeline);
    if (known.has(key)) continue;
    known.add(key);
    const name = `pipeline of ${image}`;
    parts.push({
      name,
      look: async (signal) => {
        const { kind, message, hint } = await pipelineOf(declared).check(signal);
        if (kind === "wrong") return fail(name, message, hint ?? "docs/external.md says what its pipeline needs.");
        const isFar = pipelinePlace(declared).kind !== "http";
        if (isFar && config.registry.url === undefined && config.server.url === undefined)
          return warn(
            name,
            `${message}, but is to push to the registry that is built in, which only this machine reaches`,
            "Name a registry by `registry.url`, or say by `server.url` how others reach this one.",
          );
        return well(name, message);
      },
    });
  }
  return parts;
}
