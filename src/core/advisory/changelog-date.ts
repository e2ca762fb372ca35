import type { Instant } from "../../lib/index.ts";

/** When `version` was made, as its changelog signs it; undefined where the text has no such entry or no date. Debian Policy 4.4. */
export function changelogDate(changelog: string, version: string): Instant | undefined {
  let inEntry = false;
  for (const line of changelog.split("\n")) {
    if (inEntry && line.startsWith(" -- ")) {
      const at = Date.parse(line.slice(line.lastIndexOf(">") + 1).trim());
      return Number.isNaN(at) ? undefined : at;
    }
    const heading = /^[a-z0-9][a-z0-9+.-]* \(([^)\s]+)\) /.exec(line);
    if (heading !== null) inEntry = heading[1] === version;
  }
  return undefined;
}
