import type { Finding } from "../advisory/index.ts";
import { contentRecognisers, findContents, parentOf, type FoundContent, type Tree } from "../inventory/index.ts";
import { demandsOfJava } from "./demands-of-java.ts";
import { demandsOfNode } from "./demands-of-node.ts";
import { createPythonDemands } from "./demands-of-python.ts";
import { noDemands, type Demands } from "./demands.ts";
import { createPythonEnvironments } from "./python-environment.ts";

/** Kinds of packages whose manifests say who asks for them. A program of Go does not say which of its modules asked. */
const asking = new Set(["npm", "pypi", "maven"]);

/** Whether who asks for the package of a finding is to be found in its image. */
export function isAskedFor({ type, path }: Finding): boolean {
  return path !== undefined && asking.has(type);
}

/**
 * Who in a tree asks for the package of a finding, by the manifests of what was installed and of the programs themselves. `architecture` is the image's, as OCI writes it: markers of Python may ask
 * for it.
 */
export function createDemands(tree: Tree, architecture: string | undefined): (finding: Finding) => Demands {
  let contents: readonly FoundContent[] | undefined;
  const of = (kind: "npm" | "pypi" | "jar"): readonly FoundContent[] => {
    contents ??= findContents(tree);
    return contents.filter(({ path }) => contentRecognisers[kind].matches(path));
  };
  const node = once(() => {
    const manifests = of("npm");
    return { manifests, folders: new Set(manifests.map(({ path }) => parentOf(path))) };
  });
  const python = once(() => createPythonDemands(of("pypi"), createPythonEnvironments(tree, architecture)));
  const archives = once(() => of("jar"));
  return (finding) => {
    const { path, type } = finding;
    if (path === undefined || !isAskedFor(finding)) return noDemands;
    switch (type) {
      case "maven":
        return demandsOfJava(archives(), path, finding.package);
      case "pypi":
        return python()(path, finding.package);
      default:
        return demandsOfNode(node().manifests, node().folders, parentOf(path));
    }
  };
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
