import type { InstalledPackage, Inventory } from "./types.ts";

/** The packages that dpkg installed: all that the suites of a deb distribution can tell anything of. A package of another kind may have the name of one. */
export function debsOf({ packages }: Pick<Inventory, "packages">): InstalledPackage[] {
  return packages.filter(({ type }) => type === "deb");
}
