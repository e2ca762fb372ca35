import type { Finding } from "../advisory/index.ts";
import { parseLockFile, type LockFile } from "../inventory/index.ts";
import { demandsOf, type Demands } from "./demands.ts";
import { holdsIn, parsePythonMarker, type MarkerEnvironment } from "./python-marker.ts";

/** What is built from a lock file runs on Linux; more is not known of it. */
const linux: Readonly<Record<string, string>> = { os_name: "posix", sys_platform: "linux", platform_system: "Linux" };
const onLinux: MarkerEnvironment = (variable) => (Object.hasOwn(linux, variable) ? [linux[variable] ?? ""] : []);

/** Who asks for the package of a finding by the lock file that names it; undefined where none of `files` does. */
export function createLockDemands(
  files: readonly { readonly path: string; readonly text: string }[],
): (finding: Finding) => Demands | undefined {
  const read = new Map<string, LockFile | undefined>();
  return ({ path, package: name, version }) => {
    const file = files.find((one) => one.path === path);
    if (file === undefined || path === undefined) return undefined;
    const lock = read.has(path) ? read.get(path) : parseLockFile(path, file.text);
    read.set(path, lock);
    if (lock === undefined) return undefined;
    const asked = lock.requestsOf(name, version).flatMap(({ by, range, when }) => {
      const marker = when === undefined ? undefined : parsePythonMarker(when);
      const truth = when === undefined || (marker !== undefined && holdsIn(marker, onLinux));
      if (marker !== undefined && truth === false) return [];
      return [{ file: path, name: by, range, ...(truth === true ? {} : { when }) }];
    });
    return demandsOf(asked, lock.gap === undefined ? [] : [`${path}: ${lock.gap}`]);
  };
}
