import { compareDebText, isDebVersion } from "../version/index.ts";
import type { AffectedPackage } from "./types.ts";

/** Whether a source version is touched; `fixed` is the lowest version that cures it, where one is known. */
export type VersionState =
  { readonly kind: "clear" } | { readonly kind: "affected" | "unknown"; readonly fixed: string | undefined };

/** What an advisory says of one source version; what cannot be compared is unknown. OSV schema, evaluation. */
export function stateOfVersion(version: string, affected: AffectedPackage): VersionState {
  if (!isDebVersion(version)) return { kind: "unknown", fixed: undefined };
  for (const { introduced, fixed, lastAffected } of affected.ranges) {
    if (![introduced, fixed ?? "0", lastAffected ?? "0"].every(isDebVersion)) return { kind: "unknown", fixed };
    if (introduced !== "0" && compareDebText(version, introduced) < 0) continue;
    if (fixed !== undefined && compareDebText(version, fixed) >= 0) continue;
    if (lastAffected !== undefined && compareDebText(version, lastAffected) > 0) continue;
    return { kind: "affected", fixed };
  }
  return affected.versions.includes(version) ? { kind: "affected", fixed: undefined } : { kind: "clear" };
}
