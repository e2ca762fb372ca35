import { isSameVersion, spelledName } from "../../../core/bump/index.ts";
import type { BumpMove } from "../../../core/bump/index.ts";

/** A requirement of a requirements file, with its continuation lines. Offsets count from the beginning of the file. pip, Requirements File Format. */
export type RequirementLine =
  | { readonly kind: "named"; readonly name: string; readonly text: string; readonly pin: Pin | undefined }
  /** Another file of requirements, or of constraints. */
  | { readonly kind: "file"; readonly path: string; readonly isConstraint: boolean }
  /** What could reach out or run code: an address, a folder, an option. */
  | { readonly kind: "other"; readonly text: string };

/** A version that a line settles. */
export interface Pin {
  readonly version: string;
  readonly at: number;
  /** Where its checksums stand, the first to the last; undefined where there are none. */
  readonly hashes: { readonly from: number; readonly to: number } | undefined;
}

const longestLine = 4096;
const named =
  /^[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?\s*(?:\[[\w\s.,-]*\])?\s*(?:\(?\s*(?:(?:[~=!<>]=|===|<|>)\s*[\w.*+!-]+\s*,?\s*)*\)?)\s*(?:;[\w\s.<>=!~"'(),+-]*)?$/;
const pinned = /^(\s*[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*={2,3}\s*)([^\s;,*\\#]+)/;
const hash = /--hash[=\s]\s*[a-z0-9]+:[0-9a-f]+/g;
const pointer = /^(?:-r|-c|--requirement|--constraint)(?:\s+|=)(\S+)$/;

/** The requirements of a file, in its order. Comments and empty lines are passed over. */
export function readRequirementLines(text: string): RequirementLine[] {
  const found: RequirementLine[] = [];
  for (const { start, end } of logicalLines(text)) {
    const raw = text.slice(start, end);
    const whole = raw
      .replaceAll(/\\\r?\n/g, " ")
      .replaceAll(/(^|\s)#.*$/gm, "$1")
      .trim();
    if (whole === "") continue;
    const plain = whole.replaceAll(/\s--hash[=\s]\s*\S+/g, "").trim();
    const [, path] = pointer.exec(plain) ?? [];
    if (path !== undefined)
      found.push({ kind: "file", path, isConstraint: plain.startsWith("-c") || plain.startsWith("--c") });
    else if (plain.length > longestLine || !named.test(plain)) found.push({ kind: "other", text: plain });
    else
      found.push({
        kind: "named",
        name: /^[\w.-]+/.exec(plain)?.[0] ?? "",
        text: plain,
        pin: pinOf(raw, start, /[,*]/.test(plain.replace(/;.*$|\[[^\]]*\]/g, ""))),
      });
  }
  return found;
}

/** The text with the version of a package changed wherever a line settles one that is to go, and its checksums where the line has some; nothing else differs. A text says which checksums are missing. */
export function moveRequirement(
  text: string,
  name: string,
  moves: readonly BumpMove[],
  hashesOf: (version: string) => readonly string[] | undefined,
): string | { readonly refused: string } {
  const own = spelledName("pypi", name);
  let moved = text;
  for (const line of readRequirementLines(text).reverse()) {
    if (line.kind !== "named" || line.pin === undefined || spelledName("pypi", line.name) !== own) continue;
    const { version, at, hashes } = line.pin;
    const to = moves.find(({ from }) => isSameVersion("pypi", from, version))?.to;
    if (to === undefined) continue;
    if (hashes !== undefined) {
      const fresh = hashesOf(to);
      if (fresh === undefined || fresh.length === 0) return { refused: `there are no checksums of ${name} ${to}` };
      const list = [...text.slice(hashes.from, hashes.to).matchAll(hash)];
      // Between the first two, or else before the only one.
      const between =
        list[1] === undefined
          ? (/(?:[ \t]|\\\r?\n)*$/.exec(text.slice(at + version.length, hashes.from))?.[0] ?? " ")
          : text.slice(hashes.from + (list[0]?.[0].length ?? 0), hashes.from + list[1].index);
      moved = moved.slice(0, hashes.from) + fresh.map((one) => `--hash=${one}`).join(between) + moved.slice(hashes.to);
    }
    moved = moved.slice(0, at) + to + moved.slice(at + version.length);
  }
  return moved;
}

/** Whether any line has a checksum: then every one has to. pip, Hash-checking Mode. */
export function hasHashes(text: string): boolean {
  return /^[^#\n]*--hash[=\s]/m.test(text);
}

/** What a tool writes of the versions that it chose, as `name==1.0`: by name as the ecosystem spells it. */
export function readResolved(text: string): Map<string, { readonly text: string; readonly hashes: string[] }[]> {
  const found = new Map<string, { readonly text: string; readonly hashes: string[] }[]>();
  for (const { start, end } of logicalLines(text)) {
    const raw = text.slice(start, end);
    const [line] = readRequirementLines(raw);
    if (line?.kind !== "named" || line.pin === undefined) continue;
    const hashes = [...raw.matchAll(hash)].map(([one]) => one.replace(/^--hash[=\s]\s*/, ""));
    const key = spelledName("pypi", line.name);
    found.set(key, [...(found.get(key) ?? []), { text: line.text, hashes }]);
  }
  return found;
}

function pinOf(raw: string, start: number, isRange: boolean): Pin | undefined {
  const [, before = "", version] = pinned.exec(raw) ?? [];
  if (version === undefined || isRange) return undefined;
  const all = [...raw.replaceAll(/(^|\s)#.*$/gm, (comment) => " ".repeat(comment.length)).matchAll(hash)];
  const [first, last] = [all[0], all.at(-1)];
  return {
    version,
    at: start + before.length,
    hashes: first && last && { from: start + first.index, to: start + last.index + last[0].length },
  };
}

/** Lines that belong together: one that ends with a backslash goes on, unless it is a comment. */
function* logicalLines(text: string): Generator<{ readonly start: number; readonly end: number }> {
  let start = 0;
  for (let from = 0; from < text.length;) {
    const end = text.indexOf("\n", from);
    const next = end < 0 ? text.length : end + 1;
    const line = text.slice(from, end < 0 ? text.length : end).replace(/\r$/, "");
    from = next;
    if (line.endsWith("\\") && !/^\s*#/.test(line) && next < text.length) continue;
    yield { start, end: end < 0 ? text.length : end };
    start = next;
  }
}
