import type { LockFile, LockedPackage } from "../../../core/inventory/index.ts";
import { namedVersions } from "./plan-edits.ts";
import { findReactors, readPomNode, type Pom } from "./reactor.ts";

/** What the poms of a repository name, each reactor as one lock file under the path of the pom at its top. What their dependencies bring is known to Maven alone. */
export function findPomLocks(texts: ReadonlyMap<string, string>): Map<string, LockFile> {
  const poms = new Map<string, Pom>();
  for (const [path, text] of texts) {
    const pom = readPomNode(path, text);
    if (pom !== undefined) poms.set(path, pom);
  }
  return new Map(
    findReactors(poms).map((reactor) => {
      const packages = new Map<string, LockedPackage>();
      for (const { name, version } of namedVersions(reactor))
        packages.set(`${name} ${version}`, { type: "maven", name, version });
      return [
        reactor.root,
        { packages: [...packages.values()], problems: [], requestsOf: () => [], bringsMore: "maven" },
      ];
    }),
  );
}
