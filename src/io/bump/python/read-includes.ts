import { posix } from "node:path";
import { reachesOut } from "../error.ts";
import { folderOf, isInside } from "../tree-reader.ts";
import type { Files, TreeReader } from "../types.ts";
import { readRequirementLines, type RequirementLine } from "./requirement-lines.ts";

const mostFiles = 50;

/** A file of requirements with all that it points to, by path. A text says what leads out of the repository, or is not there. */
export async function readIncludes(
  reader: TreeReader,
  file: string,
): Promise<{ readonly files: Files; readonly constraints: ReadonlySet<string> } | string> {
  const files = new Map<string, Buffer>();
  const constraints = new Set<string>();
  const todo = [{ path: file, isConstraint: false }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { path, isConstraint } = next;
    if (files.has(path)) continue;
    if (!isInside(path)) reachesOut(`${file} points to ${path.slice(0, 200)}, which lies outside of the repository`);
    if (files.size >= mostFiles) return `${file} points to more than ${mostFiles} files`;
    const bytes = await reader.read(path);
    if (bytes === undefined) return `there is no file ${path}`;
    files.set(path, bytes);
    if (isConstraint) constraints.add(path);
    for (const line of readRequirementLines(bytes.toString()))
      if (line.kind === "file") todo.push(pointedTo(path, line, isConstraint));
  }
  return { files, constraints };
}

function pointedTo(from: string, line: Extract<RequirementLine, { kind: "file" }>, isConstraint: boolean) {
  return { path: posix.join(folderOf(from), line.path), isConstraint: isConstraint || line.isConstraint };
}
