import {
  createLoader,
  environmentOf,
  findProgram,
  lookup,
  nameOf,
  type LayerEntry,
  type Loader,
  type Tree,
} from "../inventory/index.ts";
import type { BaseChange } from "./bases.ts";
import type { RebaseSide, Refusal } from "./types.ts";

/** A file that an application layer put. */
export interface OwnFile {
  readonly path: string;
  readonly entry: LayerEntry;
}

const maxShown = 20;

/**
 * What the loader or the kernel would no longer find: libraries that application files need, versions of their symbols, ELF interpreters, and those of scripts. What the image itself
 * lacked is passed over. Also the other way round: libraries of the application that files of the new base would load. ld.so(8), execve(2).
 */
export function checkLibraries(
  own: readonly OwnFile[],
  image: RebaseSide,
  result: RebaseSide,
  bases: BaseChange,
): Refusal[] {
  const refusals: Refusal[] = [];
  const loaders = { now: loaderOf(result), before: lazy(() => loaderOf(image)) };
  const checked = new Map<string, Refusal | undefined>();
  const names = new Set<string>();
  for (const { path, entry } of own) {
    if (refusals.length >= maxShown) break;
    const { elf, shebang } = entry;
    if (elf?.incomplete !== undefined && bases.libraries)
      refusals.push({
        code: "unreadable",
        path,
        message: `${path}: ${elf.incomplete}, and libraries of the base changed`,
      });
    if (elf !== undefined) {
      names.add(nameOf(path));
      if (elf.interpreter !== undefined && isGone(elf.interpreter, image.tree, result.tree))
        refusals.push(interpreterGone(path, elf.interpreter));
      if (bases.libraries) refusals.push(...missingOf(path, entry, loaders, checked));
    }
    if (shebang !== undefined && (entry.mode & 0o111) !== 0) {
      const gone = missingInterpreter(shebang, image, result);
      if (gone !== undefined) refusals.push(interpreterGone(path, gone));
    }
  }
  for (const name of names)
    for (const path of bases.needs.get(name) ?? []) {
      const found = lookup(result.tree, path, false);
      if (found.kind !== "found" || refusals.length >= maxShown) continue;
      const problem = wanting(path, found.node.entry, name, loaders.now);
      if (problem !== undefined) refusals.push(problem);
    }
  return refusals.slice(0, maxShown);
}

interface Loaders {
  readonly now: Loader;
  readonly before: () => Loader;
}

/** Files without folders of their own look for a library in the same places: each need is looked up once. */
function missingOf(
  path: string,
  entry: LayerEntry,
  { now, before }: Loaders,
  checked: Map<string, Refusal | undefined>,
): Refusal[] {
  const { elf } = entry;
  const refusals: Refusal[] = [];
  const alone = elf?.rpath === undefined && elf?.runpath === undefined;
  for (const name of elf?.needed ?? []) {
    const versions = versionsOf(entry, name);
    const key = alone ? `${elf?.bits} ${elf?.machine} ${name} ${versions.join(" ")}` : undefined;
    if (key !== undefined && checked.has(key)) continue;
    const problem = wanting(path, entry, name, now);
    const isNew = problem !== undefined && wanting(path, entry, name, before()) === undefined;
    if (key !== undefined) checked.set(key, problem);
    if (isNew) refusals.push(problem);
  }
  return refusals;
}

/** What the file at `path` would miss of library `name`; undefined where nothing. */
function wanting(path: string, entry: LayerEntry, name: string, loader: Loader): Refusal | undefined {
  const { elf } = entry;
  if (elf === undefined) return undefined;
  const library = loader.resolve(name, path, elf);
  if (library === undefined)
    return { code: "library", path, library: name, message: `${path} needs ${name}, which is not there any more` };
  const offered = library.entry.elf?.versions;
  // A library without versions satisfies any: the loader only warns. glibc, elf/dl-version.c.
  if (offered === undefined) return undefined;
  const missing = versionsOf(entry, name).find((version) => !offered.includes(version));
  if (missing === undefined) return undefined;
  const message = `${path} needs ${missing} of ${name}, which ${library.entry.path} no longer has`;
  return { code: "symbol-version", path, library: name, message };
}

function versionsOf({ elf }: LayerEntry, library: string): readonly string[] {
  return elf?.versionsNeeded?.find(([name]) => name === library)?.[1] ?? [];
}

function loaderOf({ tree, config }: RebaseSide): Loader {
  return createLoader(tree, environmentOf(config.config ?? {}, "LD_LIBRARY_PATH"));
}

function isGone(program: string, image: Tree, result: Tree): boolean {
  return lookup(result, program).kind !== "found" && lookup(image, program).kind === "found";
}

/** The interpreter of a script, or the program that env(1) would look for. */
function missingInterpreter(shebang: string, image: RebaseSide, result: RebaseSide): string | undefined {
  const [interpreter = "", ...words] = shebang.trim().split(/\s+/);
  if (isGone(interpreter, image.tree, result.tree)) return interpreter;
  if (!interpreter.endsWith("/env")) return undefined;
  const program = words.find((word) => !word.startsWith("-") && !word.includes("="));
  if (program === undefined || findProgram(result.tree, program, result.config.config ?? {}) !== undefined)
    return undefined;
  return findProgram(image.tree, program, image.config.config ?? {}) === undefined ? undefined : program;
}

function interpreterGone(path: string, program: string): Refusal {
  return { code: "interpreter", path, message: `${path} is run by ${program}, which is not there any more` };
}

function lazy<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
