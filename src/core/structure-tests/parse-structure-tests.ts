import { LineCounter, parseDocument } from "yaml";
import { placeInYaml, printable, tryShape } from "../../lib/index.ts";
import { structureTestsSchema, type StructureTests } from "./schema.ts";

export type ParsedStructureTests =
  | { readonly kind: "ok"; readonly tests: StructureTests }
  /** One line each, with its place: `3:5: commandTests.0.exitCode: …`. */
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

/** Characters of the largest file. */
export const maxStructureTests = 1_048_576;
const maxProblems = 20;

/** Reads a file of container-structure-test, YAML or JSON, as it is. Never throws. */
export function parseStructureTests(text: string): ParsedStructureTests {
  if (text.length > maxStructureTests) return invalid([`1:1: it is larger than ${maxStructureTests} characters`]);
  const lines = new LineCounter();
  const options = { uniqueKeys: false, prettyErrors: false, logLevel: "error", lineCounter: lines } as const;
  const document = parseDocument(text.replace(/^\uFEFF/, ""), options);
  if (document.errors.length > 0)
    return invalid(document.errors.map(({ message, pos }) => `${placeInYaml(lines, pos[0])}: ${message}`));
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    return invalid(["1:1: an alias of it cannot be resolved, or they multiply"]);
  }
  const parsed = tryShape(structureTestsSchema, value);
  if (parsed.success) return { kind: "ok", tests: parsed.data };
  return invalid(
    parsed.issues.map((issue) => {
      const path = issue.path.map(String);
      const keys = issue.code === "unrecognized_keys" ? [...path, ...issue.keys.slice(0, 1)] : path;
      const where = keys.length === 0 ? "" : `${keys.join(".")}: `;
      return `${placeInYaml(lines, keys, document)}: ${where}${issue.message}`;
    }),
  );
}

function invalid(problems: readonly string[]): ParsedStructureTests {
  return { kind: "invalid", problems: problems.slice(0, maxProblems).map((one) => printable(one.slice(0, 500))) };
}
