import { lookup, type LayerEntry, type Tree } from "../inventory/index.ts";
import type { ImageConfig } from "../image/index.ts";
import { isInText } from "./regex.ts";
import type { CommandTest, StructureTests } from "./schema.ts";

export interface StructureTestSubject {
  readonly tree: Tree;
  readonly config: ImageConfig["config"];
  /** Content of the files whose contents are tested, by the path that the tests give; undefined where it is no file, a text why it was not read. */
  readonly contents: ReadonlyMap<string, { readonly text: string } | { readonly problem: string }>;
}

/** What of files, contents and configuration is not as the tests want it, `NAME: what`, in their order. container-structure-test, File Existence Tests, File Content Tests, Metadata Test. */
export function judgeStructureTests(tests: StructureTests, subject: StructureTestSubject): string[] {
  const metadata = [tests.metadataTest, tests.metadataTests].flatMap((one) => one ?? []);
  return [
    ...tests.fileExistenceTests.flatMap((test) =>
      checkExistence(test, subject.tree).map((what) => `${test.name}: ${what}`),
    ),
    ...tests.fileContentTests.flatMap((test) => checkContents(test, subject).map((what) => `${test.name}: ${what}`)),
    ...metadata.flatMap((test) => checkMetadata(test, subject.config ?? {}).map((what) => `metadata: ${what}`)),
  ];
}

/** What of the end of a command is not as its test wants it. container-structure-test, Command Tests. */
export function judgeCommandTest(
  test: CommandTest,
  end: { readonly status: number; readonly stdout: string; readonly stderr: string },
): string[] {
  const wrong = end.status === test.exitCode ? [] : [`it ended with ${end.status}, not ${test.exitCode}`];
  const missing = (what: string, patterns: readonly string[], text: string): string[] =>
    patterns.filter((one) => !isInText(one, text)).map((one) => `its ${what} has no ${one}`);
  const excluded = (what: string, patterns: readonly string[], text: string): string[] =>
    patterns.filter((one) => isInText(one, text)).map((one) => `its ${what} has ${one}`);
  return [
    ...wrong,
    ...missing("output", test.expectedOutput, end.stdout),
    ...excluded("output", test.excludedOutput, end.stdout),
    ...missing("error output", test.expectedError, end.stderr),
    ...excluded("error output", test.excludedError, end.stderr),
  ];
}

type Existence = StructureTests["fileExistenceTests"][number];

function checkExistence(test: Existence, tree: Tree): string[] {
  // A link is itself what is there, whatever it leads to.
  const found = lookup(tree, test.path, false);
  if (!test.shouldExist) return found.kind === "found" ? [`${test.path} is there, and must not be`] : [];
  if (found.kind !== "found") return [`${test.path} is not there`];
  const { entry } = found.node;
  const wrong: string[] = [];
  const mode = goMode(entry);
  if (test.permissions !== undefined && mode !== test.permissions)
    wrong.push(`the mode of ${test.path} is ${mode}, not ${test.permissions}`);
  if (test.uid >= 0 && entry.uid !== test.uid)
    wrong.push(`${test.path} belongs to the user ${entry.uid}, not ${test.uid}`);
  if (test.gid >= 0 && entry.gid !== test.gid)
    wrong.push(`${test.path} belongs to the group ${entry.gid}, not ${test.gid}`);
  const bits = executable[test.isExecutableBy];
  if (bits !== 0 && (entry.mode & bits) === 0) wrong.push(`${test.path} is not executable by ${test.isExecutableBy}`);
  return wrong;
}

const executable: Readonly<Record<Existence["isExecutableBy"], number>> = {
  "": 0,
  owner: 0o100,
  group: 0o010,
  other: 0o001,
  any: 0o111,
};

const kinds: Readonly<Record<LayerEntry["type"], string>> = {
  file: "",
  hardlink: "",
  directory: "d",
  symlink: "L",
  fifo: "p",
  block: "D",
  character: "Dc",
};

/** A mode as Go writes it: `-rwxr-xr-x`, `dtrwxrwxrwx`, `urwxr-xr-x`. Go, io/fs, FileMode.String. */
function goMode({ type, mode }: LayerEntry): string {
  const [device = "", letter = ""] = type === "character" ? ["D", "c"] : [kinds[type]];
  const special = `${device}${(mode & 0o4000) === 0 ? "" : "u"}${(mode & 0o2000) === 0 ? "" : "g"}${letter}${(mode & 0o1000) === 0 ? "" : "t"}`;
  const bits = "rwxrwxrwx"
    .split("")
    .map((one, at) => ((mode >> (8 - at)) & 1 ? one : "-"))
    .join("");
  return `${special === "" ? "-" : special}${bits}`;
}

function checkContents(test: StructureTests["fileContentTests"][number], { contents }: StructureTestSubject): string[] {
  const found = contents.get(test.path);
  if (found === undefined) return [`${test.path} is no file that is there`];
  if ("problem" in found) return [`${test.path} cannot be read: ${found.problem}`];
  return [
    ...test.expectedContents.filter((one) => !isInText(one, found.text)).map((one) => `${test.path} has no ${one}`),
    ...test.excludedContents.filter((one) => isInText(one, found.text)).map((one) => `${test.path} has ${one}`),
  ];
}

type Metadata = NonNullable<StructureTests["metadataTest"]>;

function checkMetadata(test: Metadata, config: NonNullable<ImageConfig["config"]>): string[] {
  const env = new Map(
    (config.Env ?? []).map((line): [string, string] => [
      line.split("=", 1)[0] ?? "",
      line.slice(line.indexOf("=") + 1),
    ]),
  );
  const labels = new Map(Object.entries(config.Labels ?? {}));
  const ports = Object.keys(config.ExposedPorts ?? {});
  const volumes = Object.keys(config.Volumes ?? {});
  const isExposed = (port: string): boolean => ports.some((one) => one === port || one.split("/")[0] === port);
  return [
    ...[...test.env, ...test.envVars].flatMap((one) => checkPair("variable", one, env.get(one.key))),
    ...test.labels.flatMap((one) => checkPair("label", one, labels.get(one.key))),
    ...test.exposedPorts.filter((port) => !isExposed(port)).map((port) => `the port ${port} is not exposed`),
    ...test.unexposedPorts.filter(isExposed).map((port) => `the port ${port} is exposed`),
    ...test.volumes.filter((one) => !volumes.includes(one)).map((one) => `there is no volume ${one}`),
    ...test.unmountedVolumes.filter((one) => volumes.includes(one)).map((one) => `there is a volume ${one}`),
    ...checkWords("entrypoint", test.entrypoint, config.Entrypoint),
    ...checkWords("command", test.cmd, config.Cmd),
    ...checkText("working directory", test.workdir, config.WorkingDir),
    ...checkText("user", test.user, config.User),
  ];
}

function checkPair(
  what: string,
  { key, value, isRegex }: Metadata["labels"][number],
  found: string | undefined,
): string[] {
  if (found === undefined) return [`there is no ${what} ${key}`];
  if (isRegex ? isInText(value, found) : found === value) return [];
  return [
    `the ${what} ${key} is ${JSON.stringify(found)}, ${isRegex ? "and has no" : "not"} ${isRegex ? value : JSON.stringify(value)}`,
  ];
}

function checkWords(
  what: string,
  wanted: readonly string[] | null | undefined,
  found: readonly string[] | undefined,
): string[] {
  if (wanted === undefined || wanted === null) return [];
  const [is, not] = [JSON.stringify(found ?? []), JSON.stringify(wanted)];
  return is === not ? [] : [`the ${what} is ${is}, not ${not}`];
}

function checkText(what: string, wanted: string, found: string | undefined): string[] {
  return wanted === "" || wanted === (found ?? "")
    ? []
    : [`the ${what} is ${JSON.stringify(found ?? "")}, not ${JSON.stringify(wanted)}`];
}
