import type { Alternative } from "../types.ts";
import { compareBytes, type ImageTree } from "./image-tree.ts";

const adminFolder = "var/lib/dpkg/alternatives/";

/**
 * The links of update-alternatives(1), as it leaves them once every postinst has called it: of each group the choice with the
 * highest priority, of several with the same the one whose path comes first; followers only where the file is there that they
 * would lead to. Where dpkg is in the image, its record of every group too.
 */
export function addAlternatives(tree: ImageTree): void {
  const groups = new Map<string, Alternative[]>();
  for (const { alternatives } of tree.packages)
    for (const alternative of alternatives) {
      // update-alternatives refuses a path that does not exist.
      if (!tree.exists(alternative.path)) continue;
      const known = groups.get(alternative.name);
      if (known === undefined) groups.set(alternative.name, [alternative]);
      else known.push(alternative);
    }
  for (const [name, calls] of [...groups].sort(([a], [b]) => compareBytes(a, b))) addGroup(tree, name, calls);
}

function addGroup(tree: ImageTree, name: string, calls: readonly Alternative[]): void {
  const [first] = calls;
  if (first === undefined) return;
  // A second call for the same path replaces the first.
  const choices = [...new Map(calls.map((call) => [call.path, call])).values()];
  choices.sort((a, b) => compareBytes(a.path, b.path));
  const slaves = new Map<string, string>();
  for (const call of calls) for (const slave of call.slaves) slaves.set(slave.name, slave.link);
  const sorted = [...slaves].sort(([a], [b]) => compareBytes(a, b));
  const [master] = choices;
  let best = master ?? first;
  for (const choice of choices) if (choice.priority > best.priority) best = choice;

  addLink(tree, first.link, name, best.path);
  for (const [slave, link] of sorted) {
    const path = pathOf(best, slave);
    if (path !== "" && tree.exists(path)) addLink(tree, link, slave, path);
  }
  if (!tree.has("dpkg")) return;
  const head = ["auto", first.link, ...sorted.flat(), ""];
  const body = choices.flatMap((choice) => [
    choice.path,
    String(choice.priority),
    ...sorted.map(([slave]) => pathOf(choice, slave)),
  ]);
  tree.file(`${adminFolder}${name}`, `${[...head, ...body, ""].join("\n")}\n`);
}

/** Nothing is put in the place of a file that a package ships. */
function addLink(tree: ImageTree, link: string, name: string, path: string): void {
  if (tree.entry(link) !== undefined && tree.entry(link)?.kind !== "symlink") return;
  tree.symlink(`etc/alternatives/${name}`, path);
  tree.symlink(link, `/etc/alternatives/${name}`);
}

function pathOf({ slaves }: Alternative, name: string): string {
  return slaves.find((slave) => slave.name === name)?.path ?? "";
}
