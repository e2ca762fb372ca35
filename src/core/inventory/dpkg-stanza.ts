/** A package as dpkg's status file, or a file of `status.d`, names it. */
export interface DpkgEntry {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
  readonly sourceVersion: string;
  /** Whether files of it are there: everything but `not-installed` and `config-files`. deb-control, dpkg(1), Package states. */
  readonly present: boolean;
}

export interface DpkgParse {
  readonly entries: readonly DpkgEntry[];
  /** One sentence for every part that could not be understood, at most 100. */
  readonly problems: readonly string[];
}

const maxProblems = 100;
const maxStanza = 1_048_576;
const nameShape = /^[a-z0-9][a-z0-9+.-]*$/;
const versionShape = /^(?:\d+:)?[0-9][A-Za-z0-9.+:~-]*$/;
const architectureShape = /^[a-z0-9][a-z0-9-]*$/;
const states = new Set([
  "not-installed",
  "config-files",
  "half-installed",
  "unpacked",
  "half-configured",
  "triggers-awaited",
  "triggers-pending",
  "installed",
]);

/** The packages in `text`, which `file` holds; never throws. A stanza that cannot be understood is named in `problems`, the others stay. Debian Policy 5.1, 5.6. */
export function parseDpkgStatus(text: string, file: string): DpkgParse {
  const entries: DpkgEntry[] = [];
  const problems: string[] = [];
  const say = (problem: string): void => {
    if (problems.length < maxProblems) problems.push(`${file}: ${problem}`);
  };
  if (text !== "" && !text.endsWith("\n")) say("ends in the middle of a line");
  let line = 1;
  for (let start = 0; start < text.length;) {
    const gap = text.indexOf("\n\n", start);
    const end = gap < 0 ? text.length : gap;
    const stanza = text.slice(start, end);
    if (stanza.length > maxStanza) say(`the stanza at line ${line} is larger than ${maxStanza} bytes`);
    else if (stanza.trim() !== "") {
      const parsed = parseStanza(stanza);
      if (typeof parsed === "string") say(`the stanza at line ${line} ${parsed}`);
      else entries.push(parsed);
    }
    if (problems.length < maxProblems) line += countLines(stanza) + 2;
    start = end + 2;
  }
  return { entries, problems };
}

/** The entry of one stanza, or what is wrong with it. */
function parseStanza(stanza: string): DpkgEntry | string {
  const fields = new Map<string, string>();
  for (const line of stanza.split("\n")) {
    const first = line.charCodeAt(0);
    if (line === "" || first === 32 || first === 9) continue;
    const colon = line.indexOf(":");
    if (colon <= 0) return `has a line that is no field: "${shown(line)}"`;
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  const name = fields.get("package");
  if (name === undefined) return "names no package";
  if (name.length > 255 || !nameShape.test(name)) return `names a package "${shown(name)}", which is no package name`;
  const state = fields.get("status")?.split(/\s+/)[2];
  if (fields.has("status") && (state === undefined || !states.has(state))) return `gives ${name} no known state`;
  const present = state !== "not-installed" && state !== "config-files";
  const version = fields.get("version") ?? "";
  const architecture = fields.get("architecture") ?? "";
  if (present && !versionShape.test(version)) return `gives ${name} no valid version: "${shown(version)}"`;
  if (present && !architectureShape.test(architecture)) return `gives ${name} no valid architecture`;
  const source = /^(\S+)(?:\s+\(([^)]*)\))?$/.exec(fields.get("source") ?? name);
  if (source?.[1] === undefined) return `gives ${name} no valid source`;
  return { name, version, architecture, source: source[1], sourceVersion: source[2] ?? version, present };
}

function countLines(text: string): number {
  let lines = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** Outside text for a message: short, and without control characters. */
function shown(text: string): string {
  return text.slice(0, 60).replace(/[^\x20-\x7e]/g, "?");
}
