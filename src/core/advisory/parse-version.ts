import type { VersionScheme } from "../version/index.ts";

/** The version in `text`; undefined where it is none, or one that its own tool takes only because it refuses nothing: what is compared with it is unknown. */
export function parseVersion(scheme: VersionScheme, text: string): unknown {
  const parsed = scheme.parse(text);
  if (typeof parsed === "object" && parsed !== null && "isWhole" in parsed && parsed.isWhole === false)
    return undefined;
  return parsed;
}
