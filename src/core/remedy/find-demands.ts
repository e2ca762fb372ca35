import { advisoryKey, type Finding } from "../advisory/index.ts";
import { findContents, parentOf, type FoundContent, type Tree } from "../inventory/index.ts";
import type { Demand } from "./plan-source-cure.ts";

const modules = "node_modules";
const mostDemands = 100;

/** Who in a tree asks for the package of a finding, by the manifests of what was installed and of the programs themselves. Of Go and Java nothing is told: a program does not say which of its modules asked. */
export function createDemands(tree: Tree): (finding: Finding) => readonly Demand[] {
  let asking: readonly FoundContent[] | undefined;
  let folders: ReadonlySet<string> | undefined;
  return (finding) => {
    const { path, type } = finding;
    if (path === undefined || (type !== "npm" && type !== "pypi")) return [];
    asking ??= findContents(tree).filter(({ holds }) => holds.asks !== undefined);
    if (type === "pypi") return demandsOfPython(asking, path, finding.package);
    folders ??= new Set(findContents(tree).map((one) => parentOf(one.path)));
    return demandsOfNode(asking, folders, parentOf(path));
  };
}

/**
 * Who finds the package in `folder` when it asks for it by its folder's name: node looks in its own `node_modules`, then in those of the folders above. Node.js, Modules: CommonJS modules, Loading from
 * node_modules folders.
 */
function demandsOfNode(asking: readonly FoundContent[], folders: ReadonlySet<string>, folder: string): Demand[] {
  const at = `/${folder}`.lastIndexOf(`/${modules}/`);
  if (at < 0) return [];
  const name = folder.slice(at + modules.length + 1);
  const root = folder.slice(0, Math.max(0, at - 1));
  const found: Demand[] = [];
  for (const { path, holds } of asking) {
    const from = parentOf(path);
    const isBelow = root === "" || from === root || from.startsWith(`${root}/`);
    const range = isBelow ? holds.asks?.of.find(([asked]) => asked === name)?.[1] : undefined;
    if (range === undefined || resolve(from, name, folders) !== folder) continue;
    found.push({ file: path, name: holds.asks?.by ?? path, range });
    if (found.length >= mostDemands) break;
  }
  return found;
}

function resolve(from: string, name: string, folders: ReadonlySet<string>): string | undefined {
  for (let here = from; ; here = parentOf(here)) {
    if (here !== modules && !here.endsWith(`/${modules}`)) {
      const place = here === "" ? `${modules}/${name}` : `${here}/${modules}/${name}`;
      if (folders.has(place)) return place;
    }
    if (here === "") return undefined;
  }
}

/** What is installed in the same folder is what is imported. PyPA, Recording installed projects. */
function demandsOfPython(asking: readonly FoundContent[], path: string, name: string): Demand[] {
  const site = parentOf(parentOf(path));
  const wanted = advisoryKey("pypi", name).name;
  return asking
    .flatMap(({ path: file, holds }) => {
      if (parentOf(parentOf(file)) !== site) return [];
      return (holds.asks?.of ?? []).flatMap(([asked, range]) =>
        advisoryKey("pypi", asked).name === wanted ? [{ file, name: holds.asks?.by ?? file, range }] : [],
      );
    })
    .slice(0, mostDemands);
}
