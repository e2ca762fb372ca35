/** A package as apk's `installed` has it. apk-tools, doc/apk-package.5: one letter, a colon, a value; an empty line ends it. */
export interface ApkPackage {
  readonly name: string;
  readonly version: string;
  readonly text: string;
  /** Paths of its files, without a leading slash. */
  readonly files: readonly string[];
}

export type ApkFile =
  | { readonly kind: "read"; readonly packages: ReadonlyMap<string, ApkPackage> }
  | { readonly kind: "unreadable"; readonly problem: string };

const maxPackages = 100_000;

/** The packages of apk's `installed`, by name. Unreadable where a block names no package or no version, or one comes twice. */
export function parseApkInstalled(text: string, path: string): ApkFile {
  const packages = new Map<string, ApkPackage>();
  for (const block of text.split(/\n{2,}/)) {
    if (block.trim() === "") continue;
    const parsed = parseBlock(block.replace(/^\n+|\n+$/g, ""));
    if (parsed === undefined) return { kind: "unreadable", problem: `${path}: a block names no package or version` };
    if (packages.has(parsed.name)) return { kind: "unreadable", problem: `${path}: ${parsed.name} is in it twice` };
    if (packages.size >= maxPackages)
      return { kind: "unreadable", problem: `${path}: more than ${maxPackages} packages` };
    packages.set(parsed.name, parsed);
  }
  return { kind: "read", packages };
}

function parseBlock(text: string): ApkPackage | undefined {
  let name = "";
  let version = "";
  let folder = "";
  const files: string[] = [];
  for (const line of text.split("\n")) {
    if (line[1] !== ":") return undefined;
    const value = line.slice(2);
    if (line[0] === "P") name = value;
    else if (line[0] === "V") version = value;
    else if (line[0] === "F") folder = value;
    else if (line[0] === "R") files.push(folder === "" ? value : `${folder}/${value}`);
  }
  return name === "" || version === "" ? undefined : { name, version, text, files };
}

/** Packages as the file has them. */
export function formatApkInstalled(packages: Iterable<ApkPackage>): string {
  let text = "";
  for (const each of packages) text += `${each.text}\n\n`;
  return text;
}
