import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { debianSources } from "./debian-sources.ts";
import type { SuiteSource } from "./types.ts";

/** Folder of the small made-up archive that the quickstart serves. */
export const shippedArchive: string = fileURLToPath(new URL("../../../examples/quickstart/archive", import.meta.url));

/**
 * The suites of the shipped archive where it is served at `mirror`. Codename `tide` has a release, an ordinary update and a security update; `tide-broken` is
 * a release whose newest `tide-beacon` cannot start.
 */
export async function shippedSources(
  mirror: string,
  codename: "tide" | "tide-broken" = "tide",
): Promise<SuiteSource[]> {
  const suites = codename === "tide" ? (["release", "updates", "security"] as const) : (["release"] as const);
  const keyrings = [join(shippedArchive, "tide-archive-key.gpg")];
  const [components, architectures] = [["main"], ["amd64"]];
  return debianSources({ name: codename, codename, suites, mirror, keyrings, components, architectures }, {});
}
