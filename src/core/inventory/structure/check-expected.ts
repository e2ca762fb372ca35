import { printable } from "../../../lib/index.ts";
import type { LayerEntry } from "../layer-facts.ts";
import { sizeOfFiles } from "../size-of-files.ts";
import { lookup } from "../tree.ts";
import type { StructureSubject } from "./structure-check.ts";
import { maxShown } from "./structure-check.ts";

/** What somebody wants of one path. */
export interface ExpectedFile {
  /** Absolute; links in it are followed inside the image, and where `type` is `symlink` not the last. */
  readonly path: string;
  readonly exists: boolean;
  readonly type?: "file" | "directory" | "symlink" | undefined;
  /** Octal, set-id bits included. */
  readonly mode?: string | undefined;
  /** `uid:gid` */
  readonly owner?: string | undefined;
  readonly sha256?: string | undefined;
  /** Bytes. */
  readonly maxSize?: number | undefined;
}

/** What somebody wants of an image; what is left out is not asked. */
export interface ExpectedStructure {
  readonly files: readonly ExpectedFile[];
  readonly env: Readonly<Record<string, string>>;
  readonly user?: string | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly cmd?: readonly string[] | undefined;
  readonly workdir?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** All of them; `8080` is `8080/tcp`. */
  readonly ports?: readonly string[] | undefined;
  /** Bytes of all files, one with several names once. */
  readonly maxSize?: number | undefined;
}

/** What of `expected` does not hold in an image, a sentence each, the first 20 and then their number; none where all of it does. image-spec, config.md. */
export function checkExpected(subject: StructureSubject, expected: ExpectedStructure): string[] {
  const wrong = [
    ...expected.files.flatMap((file) => checkFile(subject, file).map((what) => `${file.path}: ${what}`)),
    ...checkConfig(subject.config ?? {}, expected),
    ...checkSize(subject, expected.maxSize),
  ].map((message) => printable(message.slice(0, 1000)));
  return wrong.length <= maxShown ? wrong : [...wrong.slice(0, maxShown), `and ${wrong.length - maxShown} more`];
}

function checkFile({ tree }: StructureSubject, expected: ExpectedFile): string[] {
  const found = lookup(tree, expected.path, expected.type !== "symlink");
  if (!expected.exists) {
    // A link that leads nowhere is there all the same.
    const isThere = found.kind !== "missing" || lookup(tree, expected.path, false).kind !== "missing";
    return isThere ? ["it is there, and must not be"] : [];
  }
  if (found.kind === "loop") return ["its links lead in a circle"];
  if (found.kind === "missing") return ["it is not there"];
  const { entry } = found.node;
  if (expected.type !== undefined && entry.type !== expected.type)
    return [`it is a ${entry.type}, not a ${expected.type}`];
  return checkEntry(entry, expected);
}

function checkEntry(entry: LayerEntry, { mode, owner, sha256, maxSize }: ExpectedFile): string[] {
  const wrong: string[] = [];
  if (mode !== undefined && entry.mode !== Number.parseInt(mode, 8))
    wrong.push(`its mode is ${octal(entry.mode)}, not ${octal(Number.parseInt(mode, 8))}`);
  const own = `${entry.uid}:${entry.gid}`;
  if (owner !== undefined && own !== owner) wrong.push(`it belongs to ${own}, not to ${owner}`);
  if (sha256 !== undefined && entry.sha256 !== sha256)
    wrong.push(
      entry.sha256 === undefined ? `it is a ${entry.type}, without content` : `its SHA-256 is ${entry.sha256}`,
    );
  if (maxSize !== undefined && entry.size > maxSize) wrong.push(`it has ${entry.size} bytes, more than ${maxSize}`);
  return wrong;
}

function checkConfig(config: NonNullable<StructureSubject["config"]>, expected: ExpectedStructure): string[] {
  const env = new Map((config.Env ?? []).map((line) => splitVariable(line)));
  const { ports } = expected;
  const exposed = Object.keys(config.ExposedPorts ?? {}).map(withProtocol);
  return [
    ...Object.entries(expected.env).flatMap(([name, value]) => differ(`variable ${name}`, env.get(name), value)),
    ...Object.entries(expected.labels).flatMap(([name, value]) =>
      differ(`label ${name}`, ownValue(config.Labels, name), value),
    ),
    ...differ("user", config.User ?? "", expected.user),
    ...differ("working directory", config.WorkingDir ?? "/", expected.workdir),
    ...differ("entrypoint", config.Entrypoint ?? [], expected.entrypoint),
    ...differ("command", config.Cmd ?? [], expected.cmd),
    ...differ("ports", exposed.sort(), ports?.map(withProtocol).sort()),
  ];
}

function checkSize({ tree }: StructureSubject, limit: number | undefined): string[] {
  if (limit === undefined) return [];
  const bytes = sizeOfFiles(tree);
  return bytes > limit ? [`its files have ${bytes} bytes, more than ${limit}`] : [];
}

function differ(what: string, is: string | readonly string[] | undefined, wanted: typeof is): string[] {
  if (wanted === undefined || written(is) === written(wanted)) return [];
  return [`${what} is ${is === undefined ? "not set" : written(is)}, not ${written(wanted)}`];
}

function ownValue(labels: Readonly<Record<string, string>> | undefined, name: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, name) ? labels[name] : undefined;
}

function splitVariable(line: string): [name: string, value: string] {
  const at = line.indexOf("=");
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}

function withProtocol(port: string): string {
  return port.includes("/") ? port : `${port}/tcp`;
}

/** As JSON: `["a b"]` is not `["a", "b"]`. */
function written(value: string | readonly string[] | undefined): string {
  return value === undefined ? "" : JSON.stringify(value);
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}
