import { readFile } from "node:fs/promises";
import { createBumper, type Bumper } from "../../../io/bump/index.ts";

/** A bumper that finds lock files as the real one does, and makes new ones by replacing the version: for what happens around it. `made` counts. */
export function createLockEditor(dir: string): Bumper & { readonly made: () => number; fault: "refused" | "failed" | undefined } {
  const real = createBumper({ dir, env: {} });
  let made = 0;
  return {
    fault: undefined,
    made: () => made,
    findLocks: (tree, subdirectory) => real.findLocks(tree, subdirectory),
    keyOf: (request) => real.keyOf(request),
    async bump({ tree, file, package: name, moves }) {
      made += 1;
      if (this.fault !== undefined) return { kind: this.fault, reason: "the registry is away" };
      const before = await readFile(`${tree}/${file}`);
      const text = moves.reduce((all, { from, to }) => all.replaceAll(`"${from}"`, `"${to}"`), before.toString());
      return {
        kind: "made",
        changed: new Map([[file, Buffer.from(text)]]),
        before: new Map([[file, before]]),
        changes: moves.map(({ from, to }) => ({ name, from: [from], to: [to] })),
        tool: "editor 1",
      };
    },
  };
}
