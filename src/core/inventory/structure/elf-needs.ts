import type { StructureCheck, StructureFinding, StructureSubject } from "./structure-check.ts";
import type { LayerEntry } from "../layer-facts.ts";
import { createLoader, type Loader } from "../loader.ts";
import { lookup, nameOf, walkTree, type TreeNode } from "../tree.ts";
import { environmentOf, findEntrypoint } from "./entrypoint.ts";

const maxFindings = 1000;

/**
 * Every library that an ELF file needs resolves by the loader's rules, to a file of the same class and machine, and every
 * program's interpreter exists. Fatal where the entrypoint, or a library it loads, is what lacks something.
 */
export const checkElfNeeds: StructureCheck = (subject) => {
  const loader = createLoader(subject.tree, environmentOf(subject.config ?? {}, "LD_LIBRARY_PATH"));
  const started = startedFiles(subject, loader);
  const findings: StructureFinding[] = [];
  let names: Set<string> | undefined;
  for (const [path, node] of walkTree(subject.tree)) {
    const { elf } = node.entry;
    if (elf === undefined || findings.length >= maxFindings) continue;
    const fatal = started.has(node.entry) ? ({ fatal: true } as const) : {};
    if (elf.interpreter !== undefined && lookup(subject.tree, elf.interpreter).kind !== "found")
      findings.push({ path, detail: `its interpreter ${elf.interpreter} is not in the image`, ...fatal });
    for (const name of elf.needed ?? []) {
      if (loader.resolve(name, path, elf) !== undefined) continue;
      // A private library of a plug-in is often loaded by the program before the plug-in is.
      const isPlugin = elf.interpreter === undefined && !started.has(node.entry);
      names ??= libraryNames(subject);
      if (isPlugin && names.has(`${elf.bits} ${elf.machine} ${name}`)) continue;
      findings.push({ path, detail: `it needs ${name}, which its loader does not find`, ...fatal });
    }
  }
  return findings;
};

/** The entrypoint and all libraries that it loads, as far as they are found. */
function startedFiles(subject: StructureSubject, loader: Loader): Set<LayerEntry> {
  const started = new Set<LayerEntry>();
  const entrypoint = findEntrypoint(subject);
  if (entrypoint === undefined) return started;
  const todo: TreeNode[] = [entrypoint.node];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    const { elf, path } = node.entry;
    if (elf === undefined || started.has(node.entry)) continue;
    started.add(node.entry);
    for (const name of elf.needed ?? []) {
      const library = loader.resolve(name, path, elf);
      if (library !== undefined) todo.push(library);
    }
  }
  return started;
}

function libraryNames({ tree }: StructureSubject): Set<string> {
  const names = new Set<string>();
  for (const [path, { entry }] of walkTree(tree)) {
    if (entry.elf === undefined) continue;
    const prefix = `${entry.elf.bits} ${entry.elf.machine}`;
    names.add(`${prefix} ${nameOf(path)}`);
    if (entry.elf.soname !== undefined) names.add(`${prefix} ${entry.elf.soname}`);
  }
  return names;
}
