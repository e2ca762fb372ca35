import type { VersionScheme } from "../version/index.ts";

/**
 * The version in `text`; undefined where it is none. Go's are written as `v1.2.3` in modules, as `1.2.3` in advisories
 * and as `go1.22.3` by the toolchain: all are the same.
 */
export function parseVersion(scheme: VersionScheme, text: string): unknown {
  if (text === "") return undefined;
  const parsed = scheme.parse(text);
  if (parsed !== undefined || scheme.name !== "golang") return parsed;
  const bare = text.replace(/^(?:go|v)(?=\d)/, "");
  return scheme.parse(`v${bare}`) ?? scheme.parse(bare);
}
