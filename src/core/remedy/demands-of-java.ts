import { parentOf, type FoundContent } from "../inventory/index.ts";
import { demandsOf, type Demand, type Demands } from "./demands.ts";

/**
 * Whose pom asks for the package `name` (`group:artifact`) in the archives that are on one class path with `path`: those in the same file, in the same folder, and in the folder above one of libraries.
 * A plain version is a wish, which every other one satisfies; a range in brackets binds. Maven, POM Reference, Dependency Version Requirement Specification.
 */
export function demandsOfJava(contents: readonly FoundContent[], path: string, name: string): Demands {
  const [file = path] = path.split("!/", 1);
  const folder = parentOf(file);
  const asked: Demand[] = [];
  const gaps: string[] = [];
  for (const { path: place, holds } of contents) {
    const where = parentOf(place);
    const isNear = place === file || where === folder || (folder !== "" && where === parentOf(folder));
    if (!isNear) continue;
    if (holds.problem !== undefined) gaps.push(`${place}: ${holds.problem}`);
    for (const { by, inside, of, incomplete } of holds.asks ?? []) {
      if (incomplete !== undefined) gaps.push(`${place}: ${incomplete}`);
      for (const [one, range] of of)
        if (one === name) asked.push({ file: inside === undefined ? place : `${place}!/${inside}`, name: by, range });
    }
  }
  return demandsOf(asked, gaps);
}
