import type { LockedPackage, LockFile, LockRequest } from "../../../core/inventory/index.ts";

const most = 200_000;

/** The versions that Maven chose, with who asks for each, of the trees of all modules as `dependency:tree` writes them. Apache Maven Dependency Plugin, dependency:tree. */
export function readDependencyTrees(text: string): LockFile {
  const packages = new Map<string, LockedPackage>();
  const requests = new Map<string, LockRequest[]>();
  let above: string[] = [];
  for (const line of text.split("\n").slice(0, most)) {
    const [, prefix = "", coordinates = ""] = /^((?:[|+\\ -]{3})*)([^\s|+\\-][^\s]*)/.exec(line.trimEnd()) ?? [];
    const depth = prefix.length / 3;
    const parts = coordinates.split(":");
    if (depth === 0) {
      above = [`the project ${parts[1] ?? ""}`];
      continue;
    }
    if (parts.length < 5) continue;
    const [group = "", artifact = ""] = parts;
    const [name, version] = [`${group}:${artifact}`, parts.at(-2) ?? ""];
    const key = `${name}@${version}`;
    packages.set(key, { type: "maven", name, version });
    requests.set(key, [...(requests.get(key) ?? []), { by: above[depth - 1] ?? "", range: version }]);
    above = [...above.slice(0, depth), key];
  }
  return {
    packages: [...packages.values()],
    problems: [],
    requestsOf: (name, version) => requests.get(`${name}@${version}`) ?? [],
  };
}
