import { printable } from "../../lib/index.ts";
import { suitesOf, type AptSource } from "./apt-sources.ts";
import { debsOf } from "./debs-of.ts";
import type { Inventory } from "./types.ts";

/** What is to be asked for, in the words of the image: none of it is to be trusted. */
export interface SuiteRequest {
  readonly codename: string;
  readonly suites: readonly string[];
  /** The packages' own, as Debian names it. */
  readonly architecture: string;
  /** Where the image's apt would ask. */
  readonly sources: readonly AptSource[];
}

/** Which suites say whether the packages of an image have updates. */
export type ImageSuites = {
  /** As the image's own apt sources name them, or the usual ones of its release. */
  readonly suites: readonly string[];
  readonly suitesFrom: "image" | "release";
} & (
  | { readonly kind: "ask"; readonly request: SuiteRequest }
  /** There are none that we can ask. */
  | { readonly kind: "unknown"; readonly reason: string }
);

/** Which suites an image is to be compared with, from its inventory and the apt sources in it: those of its own release that its apt reads, else the three that every release has. */
export function suitesOfImage(inventory: Inventory, sources: readonly AptSource[]): ImageSuites {
  const { os } = inventory;
  const codename = os?.codename;
  const own = codename === undefined ? [] : suitesOf(codename, sources);
  const suitesFrom = own.length > 0 ? "image" : "release";
  const suites =
    codename === undefined ? [] : own.length > 0 ? own : [codename, `${codename}-updates`, `${codename}-security`];
  if (os?.id === "debian" && codename !== undefined) {
    const architecture = architectureOf(inventory);
    return { kind: "ask", suites, suitesFrom, request: { codename, suites, architecture, sources } };
  }
  const name = os?.prettyName ?? os?.id ?? "a system without os-release";
  const why = os?.id === "debian" ? "it names no release" : "only Debian's suites can be asked";
  return { kind: "unknown", suites, suitesFrom, reason: printable(`${name.slice(0, 200)}: ${why}`) };
}

/** The architecture that most packages are of: what a platform is called differs, and may be wrong. */
function architectureOf(inventory: Inventory): string {
  const counts = new Map<string, number>();
  for (const { architecture } of debsOf(inventory))
    if (architecture !== "all") counts.set(architecture, (counts.get(architecture) ?? 0) + 1);
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? inventory.platform.architecture;
}
