import type { StructureCheck, StructureFinding, StructureSubject } from "./structure-check.ts";
import { lookup, type Tree, type TreeNode } from "../tree.ts";
import { findUser, type ContainerUser } from "./user.ts";

/** PATH where the config sets none, as Docker has it. */
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EntrypointFile {
  readonly path: string;
  readonly node: TreeNode;
}

/** The image's entrypoint (else its command) exists, is a file, and its user may execute it. An image that declares neither passes. image-spec, config.md. */
export const checkEntrypoint: StructureCheck = (subject): StructureFinding[] => {
  const program = programOf(subject);
  if (program === undefined) return [];
  const fatal = true as const;
  const found = findEntrypoint(subject);
  if (found === undefined) return [{ path: program, detail: "the entrypoint is not in the image", fatal }];
  const { entry } = found.node;
  if (entry.type !== "file") return [{ path: program, detail: `the entrypoint is a ${entry.type}`, fatal }];
  const user = findUser(subject);
  if (user !== undefined && !mayExecute(user, entry))
    return [
      {
        path: program,
        detail: `user ${user.name} may not execute the entrypoint (mode ${entry.mode.toString(8)})`,
        fatal,
      },
    ];
  return [];
};

/** The file that a container of this image would start; undefined where none is declared or found. */
export function findEntrypoint(subject: StructureSubject): EntrypointFile | undefined {
  const program = programOf(subject);
  if (program === undefined) return undefined;
  return findProgram(subject.tree, program, subject.config ?? {});
}

/** `program` as execvp(3) finds it: a path, or a name in the PATH of the config's Env. */
export function findProgram(
  tree: Tree,
  program: string,
  config: NonNullable<StructureSubject["config"]>,
): EntrypointFile | undefined {
  const folder = config.WorkingDir ?? "/";
  const candidates = program.startsWith("/")
    ? [program]
    : program.includes("/")
      ? [`${folder}/${program}`]
      : (environmentOf(config, "PATH") ?? defaultPath).split(":").map((place) => `${place}/${program}`);
  for (const candidate of candidates) {
    const found = lookup(tree, candidate);
    if (found.kind === "found" && (candidates.length === 1 || found.node.entry.type === "file"))
      return { path: found.path, node: found.node };
  }
  return undefined;
}

/** The value of a variable in the config's Env; the last one counts. */
export function environmentOf(config: NonNullable<StructureSubject["config"]>, name: string): string | undefined {
  return config.Env?.findLast((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
}

function programOf({ config }: StructureSubject): string | undefined {
  const words = [...(config?.Entrypoint ?? []), ...(config?.Cmd ?? [])];
  return words[0] === "" ? undefined : words[0];
}

function mayExecute(user: ContainerUser, entry: TreeNode["entry"]): boolean {
  if (user.uid === 0) return (entry.mode & 0o111) !== 0;
  if (user.uid === entry.uid) return (entry.mode & 0o100) !== 0;
  if (user.gids.includes(entry.gid)) return (entry.mode & 0o010) !== 0;
  return (entry.mode & 0o001) !== 0;
}
