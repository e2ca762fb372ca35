import { parentOf, resolveNodeModule, type FoundContent } from "../inventory/index.ts";
import { demandsOf, noDemands, type Demand, type Demands } from "./demands.ts";

const modules = "node_modules";

/**
 * Who finds the package in `folder` when it asks for it by its folder's name: node looks in its own `node_modules`, then in those of the folders above. Node.js, Modules: CommonJS modules, Loading from
 * node_modules folders.
 */
export function demandsOfNode(
  contents: readonly FoundContent[],
  folders: ReadonlySet<string>,
  folder: string,
): Demands {
  const at = `/${folder}`.lastIndexOf(`/${modules}/`);
  if (at < 0) return noDemands;
  const name = folder.slice(at + modules.length + 1);
  const root = folder.slice(0, Math.max(0, at - 1));
  const asked: Demand[] = [];
  const gaps: string[] = [];
  for (const { path, holds } of contents) {
    const from = parentOf(path);
    if (root !== "" && from !== root && !from.startsWith(`${root}/`)) continue;
    if (holds.problem !== undefined) gaps.push(`${path}: ${holds.problem}`);
    for (const { by, of, incomplete } of holds.asks ?? []) {
      const range = of.find(([one]) => one === name)?.[1];
      if (range === undefined) {
        if (incomplete !== undefined) gaps.push(`${path}: ${incomplete}`);
      } else if (resolveNodeModule(from, name, folders) === folder) asked.push({ file: path, name: by, range });
    }
  }
  return demandsOf(asked, gaps);
}
