import type { FileHolds } from "../layer-facts.ts";
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
  // What has no version was never in a registry.
  if (typeof name !== "string" || typeof version !== "string") return undefined;
  // A program that says so is in no registry: what is known there under its name is another.
  if (isOwnManifest(path) && own(value, "private") === true) return undefined;
  if (name === "" || version.trim() === "") return undefined;
  if (!isPlainName(name)) return unreadable("its name is none");
  const plain = version.trim();
  if (!isPlainVersion(plain)) return unreadable("its version is none");
  return { packages: [{ type: "npm", name, version: plain }] };
}

function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? (value as Record<string, unknown>)[key] : undefined;
}
