import { parseControl, type ControlStanza } from "../../core/packages/index.ts";
import { isDigest, messageOf, type Digest, type Instant } from "../../lib/index.ts";
import { DistroError } from "./error.ts";

/** What a Release file says. Debian repository format, "Release files". */
export interface Release {
  readonly codename: string;
  readonly suite: string;
  readonly date: Instant;
  readonly validUntil: Instant | undefined;
  readonly byHash: boolean;
  /** By path below the suite's folder. */
  readonly files: ReadonlyMap<string, { readonly size: number; readonly sha256: Digest }>;
}

/** Reads the signed text of a Release file; throws BAD_INDEX, naming `what`, where a field is missing or is not what it must be. */
export function parseRelease(text: string, what: string): Release {
  const stanzas = readStanzas(text, what);
  const field = (name: string): string | undefined => stanzas[0]?.get(name);
  const required = (name: string): string => {
    const value = field(name);
    if (value === undefined || value === "") throw bad(what, `it has no ${name}`);
    return value;
  };
  const time = (value: string, name: string): Instant => {
    const at = Date.parse(value);
    if (Number.isNaN(at)) throw bad(what, `its ${name} is not a time`);
    return at;
  };
  const files = new Map<string, { size: number; sha256: Digest }>();
  for (const line of required("sha256").split("\n")) {
    if (line.trim() === "") continue;
    const [hex = "", size = "", path = ""] = line.trim().split(/\s+/);
    const sha256 = `sha256:${hex}`;
    if (!isDigest(sha256) || !/^\d{1,12}$/.test(size) || path === "" || path.startsWith("/") || path.includes("..")) {
      throw bad(what, `a line of its SHA256 list is torn: "${line.trim().slice(0, 120)}"`);
    }
    files.set(path, { size: Number(size), sha256 });
  }
  const validUntil = field("valid-until");
  return {
    codename: required("codename"),
    suite: field("suite") ?? "",
    date: time(required("date"), "Date"),
    validUntil: validUntil === undefined ? undefined : time(validUntil, "Valid-Until"),
    byHash: field("acquire-by-hash") === "yes",
    files,
  };
}

function readStanzas(text: string, what: string): ControlStanza[] {
  try {
    return parseControl(text, { characters: 16_777_216, stanzas: 1 });
  } catch (error) {
    throw bad(what, messageOf(error));
  }
}

function bad(what: string, why: string): DistroError {
  return new DistroError("BAD_INDEX", `${what}: ${why}`, {
    hint: "The archive signs something that is no Release file. What was fetched before stays in use.",
  });
}
