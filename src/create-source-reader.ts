import { join, resolve } from "node:path";
import { sourceOf, type BuildSource, type Config } from "./core/config/index.ts";
import { createGit, publicUrl, readFolderKey } from "./io/git/index.ts";
import type { Store } from "./io/store/index.ts";
import { SourceError, type SourceReader, type SourceRef } from "./loop/sources.ts";

/** What the build contexts of a fleet are read with. */
interface SourceParts {
  readonly config: Config;
  /** Folder of the configuration: contexts are relative to it. */
  readonly home: string;
  readonly cacheDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly store: Pick<Store, "loadUpstreams">;
}

/** Reads build contexts from folders, and from repositories at the commit that was seen last. */
export function createSourceReader({ config, home, cacheDir, env, store }: SourceParts): SourceReader {
  const git = createGit({ dir: join(cacheDir, "git"), env });
  const refs = new Map<string, { readonly url: string; readonly ref: string }>();
  for (const image of Object.values(config.images)) {
    const from = sourceOf(image)?.git;
    if (from !== undefined) refs.set(refName(from), from);
  }

  const look = async (name: string, signal: AbortSignal): Promise<string> => {
    const known = refs.get(name);
    if (known === undefined) throw new Error(`${name} is no ref of this fleet`);
    const missing = await git.missing();
    if (missing !== undefined)
      throw new SourceError("SOURCE_UNREADABLE", `${name} cannot be asked: ${missing}`, { hint: "Install Git." });
    return git.look(known, signal);
  };
  const openGit = async (source: NonNullable<BuildSource["git"]>, signal: AbortSignal) => {
    const name = refName(source);
    const seen = (await store.loadUpstreams()).find((one) => one.name === name)?.detail["commit"];
    // Before the first watch nothing is written down yet.
    const commit = typeof seen === "string" ? seen : await look(name, signal);
    const { url, ref, subdirectory } = source;
    const folder = await git.fetch(
      { url, ref, commit, ...(subdirectory === undefined ? {} : { subdirectory }) },
      signal,
    );
    return { folder: subdirectory === undefined ? folder : join(folder, subdirectory), key: commit };
  };
  return {
    refs: () => [...refs].map(([name, { url, ref }]): SourceRef => ({ name, url: publicUrl(url), ref })),
    look,
    open: async (_name, source, signal) => {
      if (source.git !== undefined) return openGit(source.git, signal);
      const folder = resolve(home, source.context ?? ".");
      return { folder, key: await readFolderKey(folder, source.dockerfile ?? "Dockerfile", signal) };
    },
  };
}

/** Of the upstream of a ref. */
function refName({ url, ref }: { readonly url: string; readonly ref: string }): string {
  return `${publicUrl(url)}#${ref}`;
}
