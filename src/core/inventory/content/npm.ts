import type { FileAsks, FileHolds } from "../layer-facts.ts";
import { isPlainName, isPlainVersion, unreadable, type ContentRecogniser } from "./content-recogniser.ts";

const mebibyte = 1_048_576;
const folder = "node_modules/";
const decoder = new TextDecoder("utf-8");

/**
 * `package.json` at the root of a package in `node_modules`, scoped, nested and bundled ones too; and of a program outside of it. Those
 * deeper in a package are its own business: test data, or a hint which module system a folder has. npm, package-json(5), folders(5).
 */
export const npmRecogniser: ContentRecogniser = {
  largest: 4 * mebibyte,
  matches: (path) => {
    if (!path.endsWith("package.json")) return false;
    if (isOwnManifest(path)) return path === "package.json" || path.endsWith("/package.json");
    const modules = `/${path}`.lastIndexOf(`/${folder}`);
    const parts = path.slice(modules + folder.length).split("/");
    const isScoped = parts[0]?.startsWith("@") === true;
    return parts.length === (isScoped ? 3 : 2) && parts[0]?.startsWith(".") !== true;
  },
  read: readPackageJson,
};

/** Whether a `package.json` at `path` is a program's own, and not that of a package that was installed for one. */
export function isOwnManifest(path: string): boolean {
  return !path.startsWith(folder) && !path.includes(`/${folder}`);
}

function readPackageJson(content: Uint8Array, path: string): FileHolds | undefined {
  let value: unknown;
  try {
    // The decoder takes a byte-order mark away, as npm does.
    value = JSON.parse(decoder.decode(content));
  } catch {
    return unreadable("it is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return unreadable("it is no JSON object");
  const name = own(value, "name");
  const version = own(value, "version");
  const asks = asksOf(value, path);
  const onlyAsks: FileHolds | undefined = asks === undefined ? undefined : { packages: [], asks: [asks] };
  // What has no version was never in a registry.
  if (typeof name !== "string" || typeof version !== "string") return onlyAsks;
  // A program that says so is in no registry: what is known there under its name is another.
  if (isOwnManifest(path) && own(value, "private") === true) return onlyAsks;
  if (name === "" || version.trim() === "") return onlyAsks;
  if (!isPlainName(name)) return unreadable("its name is none");
  const plain = version.trim();
  if (!isPlainVersion(plain)) return unreadable("its version is none");
  return { packages: [{ type: "npm", name, version: plain }], ...(asks === undefined ? {} : { asks: [asks] }) };
}

const mostAsked = 2000;
const longestRange = 256;
const kinds = ["dependencies", "optionalDependencies", "peerDependencies"];

/** What a manifest asks for; a program's own asks for what it is developed with as well. npm, package-json(5), dependencies. */
function asksOf(manifest: object, path: string): FileAsks | undefined {
  const asked = new Map<string, string>();
  let incomplete: string | undefined;
  for (const kind of isOwnManifest(path) ? [...kinds, "devDependencies"] : kinds) {
    const all = own(manifest, kind);
    if (typeof all !== "object" || all === null || Array.isArray(all)) continue;
    for (const [name, range] of Object.entries(all)) {
      if (typeof range !== "string" || !isPlainName(name) || asked.has(name)) continue;
      if (asked.size >= mostAsked) {
        incomplete ??= `it asks for more than ${mostAsked} packages`;
        break;
      }
      asked.set(name, plainRange(range));
    }
  }
  if (asked.size === 0) return undefined;
  return { by: whoAsks(manifest, path), of: [...asked], ...(incomplete === undefined ? {} : { incomplete }) };
}

/** A range as it is kept: what is no range, or too long for one, becomes one that cannot be read, and keeps nothing of an address. */
export function plainRange(range: string): string {
  // A package by another name: `npm:lodash@^4`.
  const plain = range.replace(/^npm:.+@/, "").trim();
  if (plain === "") return "*";
  if (/:|\p{Cc}/u.test(plain)) return "an address";
  return plain.length <= longestRange ? plain : `${plain.slice(0, 100)}…`;
}

function whoAsks(manifest: object, path: string): string {
  const [name, version] = [own(manifest, "name"), own(manifest, "version")];
  if (typeof name !== "string" || !isPlainName(name)) return path;
  return typeof version === "string" && isPlainVersion(version) ? `${name}@${version}` : name;
}

function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}
