import { listFolder, readText, type Tree } from "../inventory/index.ts";

/** What the image's apt is told of a package. apt_preferences(5). */
export interface Pin {
  /** As the file has it: a name, or a pattern with `*`. */
  readonly packages: string;
  /** `version 1.2*`, `release a=stable`, `origin "…"`. */
  readonly pin: string;
  readonly priority: number;
  readonly file: string;
}

const maxPins = 1000;

/** The pins of named packages in the image, in apt's order; those of all packages (`*`) choose among suites, and the suites are given. */
export function readPins(tree: Tree): Pin[] {
  const folder = "etc/apt/preferences.d";
  const parts = listFolder(tree, folder).filter(
    (name) => /^[\w.-]+$/.test(name) && (!name.includes(".") || name.endsWith(".pref")),
  );
  const pins: Pin[] = [];
  for (const file of ["etc/apt/preferences", ...parts.map((name) => `${folder}/${name}`)]) {
    const read = readText(tree, file);
    if (read.kind !== "read") continue;
    for (const stanza of read.text.split(/\n[ \t]*\n/)) {
      const fields = new Map(
        stanza.split("\n").flatMap((line) => {
          const [, name, value] = /^([A-Za-z-]+)\s*:\s*(.*)$/.exec(line) ?? [];
          return name === undefined || value === undefined ? [] : [[name.toLowerCase(), value.trim()] as const];
        }),
      );
      const priority = Number(fields.get("pin-priority"));
      const pin = fields.get("pin");
      if (pin === undefined || !Number.isInteger(priority)) continue;
      for (const packages of (fields.get("package") ?? "").split(/\s+/))
        if (packages !== "" && packages !== "*" && pins.length < maxPins) pins.push({ packages, pin, priority, file });
    }
  }
  return pins;
}

/** Whether the pins let a package go to `version`; a sentence that says what stands against it. */
export function pinAgainst(pins: readonly Pin[], name: string, source: string, version: string): string | undefined {
  for (const { packages, pin, priority, file } of pins) {
    const isSource = packages.startsWith("src:");
    if (!matches(isSource ? packages.slice(4) : packages.replace(/:[a-z0-9]+$/, ""), isSource ? source : name))
      continue;
    const wanted = /^version\s+(\S+)$/.exec(pin)?.[1];
    const fits = wanted === undefined || matches(wanted, version);
    // A pin to a release or an origin may name any suite: only apt can tell.
    if (wanted !== undefined ? (priority >= 500 ? !fits : priority < 0 && fits) : priority !== 500 && priority !== 990)
      return `${file} pins ${name} by "${pin}" to ${priority}`;
  }
  return undefined;
}

/** fnmatch(3) with `*` and `?`; a text between slashes is a regular expression, which counts as a match of everything. */
function matches(pattern: string, text: string): boolean {
  if (pattern.startsWith("/")) return true;
  const parts = pattern.split("*");
  if (parts.length > 20) return true;
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const plain = part.replaceAll("?", "");
    if (plain.length !== part.length) return true;
    const found = index === 0 ? (text.startsWith(part) ? 0 : -1) : text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return parts.at(-1) === "" || text.endsWith(parts.at(-1) ?? "");
}
