import { LineCounter, isMap, isScalar, parseDocument, visit, type Document, type Range } from "yaml";
import { placeInYaml } from "./place-in-yaml.ts";

/** What a YAML text says, or what is wrong with it: one line each, with its place. */
export type YamlMapping =
  | {
      readonly kind: "ok";
      readonly value: object;
      /** `LINE:COLUMN: path: message`, at the deepest part of `path` that is there. */
      readonly say: (path: readonly (string | number)[], message: string) => string;
    }
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

const maxDepth = 64;
const tooDeep = "it is nested too deep";

/**
 * Reads a YAML text (1.2, with merge keys) whose one document is a mapping. Keys that stand twice, of which readers take one or the other, are refused, and so are aliases that multiply; `several` says why
 * a second document is. Never throws.
 */
export function readYamlMapping(text: string, several: string): YamlMapping {
  try {
    return readMapping(text, several);
  } catch {
    // The reader of YAML calls itself for every level.
    return { kind: "invalid", problems: [`1:1: ${tooDeep}, or an alias of it cannot be resolved, or they multiply`] };
  }
}

function readMapping(text: string, several: string): YamlMapping {
  const lines = new LineCounter();
  const document = parseDocument(text.replace(/^\uFEFF/, ""), {
    // That check takes minutes for a mapping of many: findOdd does it.
    uniqueKeys: false,
    prettyErrors: false,
    // Of several documents nothing is said where it is silent.
    logLevel: "error",
    merge: true,
    lineCounter: lines,
  });
  const broken = document.errors.map(({ code, message, pos }) => {
    const said = code === "MULTIPLE_DOCS" ? several : message.split("\n")[0];
    return `${placeInYaml(lines, pos[0])}: ${said ?? ""}`;
  });
  if (broken.length > 0) return { kind: "invalid", problems: broken };
  if (!isMap(document.contents)) return { kind: "invalid", problems: ["1:1: it is not a mapping"] };
  const odd = findOdd(document, lines);
  if (odd.length > 0) return { kind: "invalid", problems: odd };
  return {
    kind: "ok",
    value: document.toJS({ maxAliasCount: 100 }) as object,
    say: (path, message) =>
      `${placeInYaml(lines, path, document)}: ${path.length === 0 ? "" : `${path.join(".")}: `}${message}`,
  };
}

/** Keys that stand twice, and what is nested too deep. */
function findOdd(document: Document, lines: LineCounter): string[] {
  const found: string[] = [];
  const refuseDeep = (range: Range | null | undefined, ancestors: readonly unknown[]): symbol | undefined => {
    if (ancestors.length <= 2 * maxDepth) return undefined;
    found.push(`${placeInYaml(lines, range?.[0] ?? 0)}: ${tooDeep}`);
    return visit.BREAK;
  };
  visit(document, {
    Seq: (_key, { range }, ancestors) => refuseDeep(range, ancestors),
    Map: (_key, map, ancestors) => {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value))
          found.push(`${placeInYaml(lines, key.range?.[0] ?? 0)}: ${String(key.value)} stands here twice`);
        seen.add(key.value);
      }
      return refuseDeep(map.range, ancestors);
    },
  });
  return found;
}
