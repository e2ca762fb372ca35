import { readdir, readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { messageOf, readTextFile } from "../../lib/index.ts";
import type { Project, ProjectFile } from "../../core/init/index.ts";

const maxEntries = 50_000;
const maxDepth = 8;
const maxFiles = 500;
const fileBytes = 1024 * 1024;
/** Folders of what others wrote, or tools made. */
const foreign = new Set(["node_modules", "vendor", "dist", "target", "build", "__pycache__", "venv"]);

/** Reads what of a folder says how images are built and run. Links are not followed; what is too much is named in `problems`. Throws what reading the folder itself throws. */
export async function scanProject(folder: string): Promise<Project> {
  const root = resolve(folder);
  const paths = new Set<string>();
  const problems: string[] = [];
  const pending = [{ path: "", depth: 0 }];
  for (let next = pending.shift(); next !== undefined && paths.size < maxEntries; next = pending.shift()) {
    const { path, depth } = next;
    const entries = await readdir(join(root, path), { withFileTypes: true }).catch((error: unknown) => {
      if (path === "") throw error;
      problems.push(`${path}: ${messageOf(error)}`);
      return [];
    });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const own = path === "" ? entry.name : `${path}/${entry.name}`;
      if (entry.isFile()) paths.add(own);
      else if (entry.isDirectory() && depth < maxDepth && isOfInterest(entry.name))
        pending.push({ path: own, depth: depth + 1 });
    }
  }
  if (paths.size >= maxEntries) problems.push(`only the first ${maxEntries} files were looked at`);
  const pick = async (test: (path: string) => boolean, what: string): Promise<ProjectFile[]> => {
    const all = [...paths].filter(test);
    if (all.length > maxFiles) problems.push(`of ${all.length} ${what} only ${maxFiles} were read`);
    const read: ProjectFile[] = [];
    for (const path of all.slice(0, maxFiles)) {
      try {
        read.push({ path, text: await readTextFile(join(root, path), fileBytes) });
      } catch (error) {
        problems.push(`${path}: ${messageOf(error).replaceAll(`${root}/`, "")}`);
      }
    }
    return read;
  };
  return {
    name: basename(root),
    dockerfiles: await pick(
      (path) => /(?:^|\/)(?:Dockerfile|Containerfile)(?:\.[\w-]+)?$|\.(?:Dockerfile|Containerfile)$/i.test(path),
      "Dockerfiles",
    ),
    yaml: await pick((path) => /\.ya?ml$/.test(path) && path !== "tidemill.yaml", "YAML files"),
    paths,
    ...(await readGit(root)),
    problems,
  };
}

function isOfInterest(name: string): boolean {
  return (
    !foreign.has(name) && (!name.startsWith(".") || /^\.(?:github|gitlab|circleci|tekton|docker|deploy)$/.test(name))
  );
}

/** The address that `origin` has, without credentials, and the branch that is checked out; read from Git's own files, so that nothing of the project runs. */
async function readGit(root: string): Promise<Pick<Project, "remote" | "branch">> {
  const read = (name: string): Promise<string> => readFile(join(root, ".git", name), "utf8").catch(() => "");
  const section = /\[remote "origin"\]([^[]*)/.exec((await read("config")).slice(0, 100_000))?.[1] ?? "";
  const address = /^\s*url\s*=\s*(\S{1,500})\s*$/m.exec(section)?.[1];
  const branch = /^ref: refs\/heads\/([\w./-]{1,200})$/.exec((await read("HEAD")).trim())?.[1];
  return { remote: address?.replace(/^(https?:\/\/)[^@/]*@/, "$1"), branch };
}
