import type { OsRelease } from "./types.ts";

/** The fields of an os-release file that we use; undefined where there is no ID. Lines that are no assignment are passed over. os-release(5). */
export function parseOsRelease(text: string): OsRelease | undefined {
  const fields = new Map<string, string>();
  for (const line of text.slice(0, 65_536).split("\n")) {
    const match = /^([A-Z_][A-Z0-9_]*)=(.*)$/.exec(line.trim());
    if (match?.[1] !== undefined && match[2] !== undefined) fields.set(match[1], unquote(match[2]));
  }
  const id = fields.get("ID");
  if (id === undefined || id === "") return undefined;
  return {
    id,
    versionId: fields.get("VERSION_ID"),
    codename: fields.get("VERSION_CODENAME"),
    prettyName: fields.get("PRETTY_NAME"),
  };
}

function unquote(value: string): string {
  const quote = value[0];
  const inner =
    (quote === '"' || quote === "'") && value.length > 1 && value.endsWith(quote) ? value.slice(1, -1) : value;
  return quote === "'" ? inner : inner.replace(/\\(["$`\\])/g, "$1");
}
