import { JSONPathEnvironment, type JSONValue } from "json-p3";

/** Values that one path may find. */
const most = 100;

const environment = new JSONPathEnvironment({ maxRecursionDepth: 64 });
// Their patterns are matched by backtracking, against text of a stranger's.
environment.functionRegister.delete("match");
environment.functionRegister.delete("search");

/** Why a JSONPath (RFC 9535) is none; undefined where it is one. `match` and `search` are left out. */
export function jsonPathProblem(path: string): string | undefined {
  try {
    environment.compile(path);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : "it is no JSONPath";
  }
}

/** The texts and numbers that a path finds, at most a hundred; none where `value` is nested too deep. Never throws. */
export function findTexts(path: string, value: unknown): string[] {
  const found: string[] = [];
  try {
    for (const { value: one } of environment.compile(path).lazyQuery(value as JSONValue)) {
      if (typeof one === "string" || typeof one === "number") found.push(String(one));
      if (found.length >= most) break;
    }
  } catch {
    return found;
  }
  return found;
}
