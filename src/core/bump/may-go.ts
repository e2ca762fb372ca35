import type { LockFile } from "../inventory/index.ts";
import type { LockPair } from "./prove-bump.ts";

/**
 * Which packages of a lock file may go from it, by who asks for them there: those for which only such ask as changed or went themselves. Of what nobody is known to ask for it cannot be told, and it stays.
 */
export function createMayGo(before: LockFile, after: LockFile): LockPair["mayGo"] {
  const kept = new Set(after.packages.map(({ name, version }) => `${name}@${version}`));
  const names = new Set(before.packages.map(({ name }) => name));
  // The project itself asks as well, and does not go.
  const isPackage = (by: string): boolean => names.has(by.slice(0, Math.max(by.lastIndexOf("@"), 0)));
  return (name, versions) => {
    const asked = versions.flatMap((version) => before.requestsOf(name, version));
    return asked.length > 0 && asked.every(({ by }) => isPackage(by) && !kept.has(by));
  };
}
