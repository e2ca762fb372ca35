import { isNode, type Document, type LineCounter } from "yaml";

/** Where something stands, `LINE:COLUMN`, both from 1: an offset, or the deepest part of a path that is there. */
export function placeInYaml(
  lines: LineCounter,
  at: number | readonly (string | number)[],
  document?: Document,
): string {
  const { line, col } = lines.linePos(typeof at === "number" ? at : offsetOf(at, document));
  return `${Math.max(1, line)}:${Math.max(1, col)}`;
}

function offsetOf(path: readonly (string | number)[], document: Document | undefined): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const found: unknown = document?.getIn(path.slice(0, length), true);
    if (isNode(found) && found.range) return found.range[0];
  }
  return 0;
}
