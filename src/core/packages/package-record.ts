import { isDigest } from "../../lib/index.ts";
import { isDebVersion } from "../version/index.ts";
import { parseControl, type ControlStanza } from "./control.ts";
import { PackagesError } from "./error.ts";
import type { PackageRecord } from "./types.ts";

const nameShape = /^[a-z0-9][a-z0-9+.-]*$/;
const architectureShape = /^[a-z0-9][a-z0-9-]*$/;
const sourceShape = /^([a-z0-9][a-z0-9+.-]*)(?: \(([^()\s]+)\))?$/;
const multiArchValues = new Set(["no", "same", "foreign", "allowed"]);
/** No suite holds a package as large as this. */
const maxSize = 16 * 1024 ** 3;

/**
 * One stanza of a Packages index as a record. Throws BAD_STANZA, naming package and origin, where a name, version or path is
 * not of its shape or a field that is needed to fetch and verify the package lacks.
 */
export function parsePackageRecord(stanza: string, origin: string): PackageRecord {
  const fields = parseControl(stanza)[0] ?? new Map<string, string>();
  const name = required(fields, "package", nameShape, "a stanza", origin);
  const version = required(fields, "version", { test: isDebVersion }, name, origin);
  const architecture = required(fields, "architecture", architectureShape, name, origin);
  const source = sourceShape.exec(fields.get("source") ?? name);
  if (source === null) throw bad(name, origin, "Source is malformed");
  const size = Number(required(fields, "size", /^[0-9]{1,15}$/, name, origin));
  if (size > maxSize) throw bad(name, origin, `Size ${size} is out of reason`);
  const sha256 = `sha256:${fields.get("sha256") ?? ""}`;
  if (!isDigest(sha256)) throw bad(name, origin, "SHA256 is missing or malformed");
  const multiArch = fields.get("multi-arch") ?? "no";
  return {
    name,
    version,
    architecture,
    source: source[1] ?? name,
    sourceVersion: source[2] ?? version,
    multiArch: multiArchValues.has(multiArch) ? (multiArch as PackageRecord["multiArch"]) : "no",
    essential: fields.get("essential") === "yes",
    priority: fields.get("priority") ?? "optional",
    origin,
    filename: safePath(fields.get("filename") ?? "", name, origin),
    size,
    sha256,
    stanza,
  };
}

interface Shape {
  test(text: string): boolean;
}

function required(fields: ControlStanza, field: string, shape: Shape, name: string, origin: string): string {
  const value = fields.get(field);
  if (value === undefined || value.length > 512 || !shape.test(value)) {
    throw bad(name, origin, `${field} is ${value === undefined ? "missing" : "malformed"}`);
  }
  return value;
}

// the path is joined to the mirror's address and to a cache folder
function safePath(path: string, name: string, origin: string): string {
  const segments = path.split("/");
  const safe =
    path.length <= 1024 &&
    /^[\x21-\x7e]+$/.test(path) &&
    !path.includes("\\") &&
    segments.every((segment, at) => segment !== ".." && segment !== "" && (segment !== "." || at === 0));
  if (!safe) throw bad(name, origin, "Filename is missing or malformed");
  return path;
}

function bad(name: string, origin: string, what: string): PackagesError {
  return new PackagesError("BAD_STANZA", `${origin}: ${name.slice(0, 80)}: ${what}`);
}
