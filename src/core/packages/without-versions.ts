import type { PackageRecord, PackageUniverse } from "./types.ts";

/** What a universe offers, but for some versions: whoever asks it never learns of them. */
export function withoutVersions(
  universe: PackageUniverse,
  isOut: (record: Pick<PackageRecord, "name" | "architecture" | "version">) => boolean,
): PackageUniverse {
  return {
    architecture: universe.architecture,
    versions: (name) => universe.versions(name).filter((record) => !isOut(record)),
    providers: (name) => universe.providers(name).filter(({ record }) => !isOut(record)),
    essential: () => universe.essential(),
    mention: (name) => universe.mention(name),
  };
}
