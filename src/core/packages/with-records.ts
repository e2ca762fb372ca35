import { compareDebText } from "../version/index.ts";
import type { PackageRecord, PackageUniverse } from "./types.ts";
import { createUniverse } from "./universe.ts";

/**
 * What a universe offers, and packages beside it that no suite offers any more: what an image holds can be kept so. Of one version of a package that both have, the
 * universe's own counts. Throws as {@link createUniverse} does.
 */
export function withRecords(universe: PackageUniverse, records: readonly PackageRecord[]): PackageUniverse {
  const { architecture } = universe;
  const lacking = records.filter(
    (one) =>
      (one.architecture === architecture || one.architecture === "all") &&
      !universe.versions(one.name).some(({ version }) => version === one.version),
  );
  if (lacking.length === 0) return universe;
  const byOrigin = Map.groupBy(lacking, ({ origin }) => origin);
  const kept = createUniverse(
    architecture,
    Array.from(byOrigin, ([origin, some]) => ({
      origin,
      bytes: Buffer.from(some.map(({ stanza }) => `${stanza.trimEnd()}\n\n`).join("")),
    })),
  );
  return {
    architecture,
    versions: (name) => {
      const more = kept.versions(name);
      if (more.length === 0) return universe.versions(name);
      return [...universe.versions(name), ...more].sort((a, b) => compareDebText(b.version, a.version));
    },
    providers: (name) => {
      const more = kept.providers(name);
      return more.length === 0 ? universe.providers(name) : [...universe.providers(name), ...more];
    },
    essential: () => universe.essential(),
    mention: (name) => universe.mention(name),
  };
}
