/** A package as apk's database has it. */
export interface ApkPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** What it was built from: `origin`, or its own name. */
  readonly origin: string;
  /** From the root, with their SHA-1 in base64 where they have one. Folders are not among them. */
  readonly files: readonly ApkFile[];
}

export interface ApkFile {
  readonly path: string;
  readonly sha1: string | undefined;
}

export interface ApkParse {
  readonly packages: readonly ApkPackage[];
  /** One sentence for every part that could not be understood, at most 100. */
  readonly problems: readonly string[];
}

const maxProblems = 100;
const maxFiles = 1_000_000;
/** apk-package(5): what apk itself takes; virtual packages begin with a dot. */
const nameShape = /^[.a-zA-Z0-9_][a-zA-Z0-9+._-]*$/;
const versionShape = /^[0-9][^\s\p{Cc}]*$/u;
const architectureShape = /^[a-zA-Z0-9_-]+$/;

/** The packages of apk's `installed`, which `file` holds; never throws. A record that cannot be understood is named in `problems`, the others stay. apk-tools, doc/apk-v2.5.scd; src/database.c, apk_db_index_read. */
export function parseApkInstalled(text: string, file: string): ApkParse {
  const packages: ApkPackage[] = [];
  const problems: string[] = [];
  const say = (problem: string): void => {
    if (problems.length < maxProblems) problems.push(`${file}: ${problem}`);
  };
  if (text !== "" && !text.endsWith("\n")) say("ends in the middle of a line");
  let record: Draft = emptyDraft();
  let folder = "";
  let files = 0;
  let line = 0;
  let start = 1;
  const finish = (): void => {
    if (record.isEmpty) return;
    const done = packageOf(record);
    if (typeof done === "string") say(`the record at line ${start} ${done}`);
    else packages.push(done);
    record = emptyDraft();
    folder = "";
  };
  for (let at = 0; at < text.length;) {
    const gap = text.indexOf("\n", at);
    const end = gap < 0 ? text.length : gap;
    line += 1;
    const [from, length] = [at, end - at];
    at = end + 1;
    if (length === 0) {
      finish();
      start = line + 1;
      continue;
    }
    if (text[from + 1] !== ":") {
      record.isEmpty = false;
      record.broken ??= `has a line that is no field at line ${line}`;
      continue;
    }
    record.isEmpty = false;
    const value = text.slice(from + 2, end);
    switch (text[from]) {
      case "P":
        record.name = value;
        break;
      case "V":
        record.version = value;
        break;
      case "A":
        record.architecture = value;
        break;
      case "o":
        record.origin = value;
        break;
      case "F":
        folder = value;
        break;
      case "R":
        files += 1;
        if (files > maxFiles) break;
        record.files.push({ path: folder === "" ? value : `${folder}/${value}`, sha1: undefined });
        break;
      case "Z": {
        const last = record.files.at(-1);
        if (last !== undefined && value.startsWith("Q1")) last.sha1 = value.slice(2);
        break;
      }
      default:
      // What no inventory needs.
    }
  }
  finish();
  if (files > maxFiles) say(`it lists more than ${maxFiles} files`);
  return { packages, problems };
}

interface Draft {
  name: string | undefined;
  version: string | undefined;
  architecture: string;
  origin: string | undefined;
  files: { path: string; sha1: string | undefined }[];
  isEmpty: boolean;
  broken: string | undefined;
}

function emptyDraft(): Draft {
  return {
    name: undefined,
    version: undefined,
    architecture: "",
    origin: undefined,
    files: [],
    isEmpty: true,
    broken: undefined,
  };
}

function packageOf({ name, version, architecture, origin, files, broken }: Draft): ApkPackage | string {
  if (broken !== undefined) return broken;
  if (name === undefined) return "names no package";
  if (name.length > 255 || !nameShape.test(name)) return `names a package "${shown(name)}", which is no package name`;
  if (version === undefined || version.length > 255 || !versionShape.test(version))
    return `gives ${name} no valid version: "${shown(version ?? "")}"`;
  if (!architectureShape.test(architecture)) return `gives ${name} no valid architecture`;
  const source = origin === undefined || origin === "" ? name : origin;
  if (source.length > 255 || !nameShape.test(source)) return `gives ${name} no valid origin`;
  return { name, version, architecture, origin: source, files };
}

/** Outside text for a message: short, and without control characters. */
function shown(text: string): string {
  return text.slice(0, 60).replace(/[^\x20-\x7e]/g, "?");
}
