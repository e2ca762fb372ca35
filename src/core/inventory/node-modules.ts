const modules = "node_modules";

/**
 * The folder, of those in `folders`, that a program in the folder `from` gets when it asks for a package by `name`: its own `node_modules` comes first, then those of the folders above. Undefined where none
 * has it. Node.js, Modules: CommonJS modules, Loading from node_modules folders.
 */
export function resolveNodeModule(from: string, name: string, folders: ReadonlySet<string>): string | undefined {
  for (let here = from; ; here = here.slice(0, Math.max(0, here.lastIndexOf("/")))) {
    if (here !== modules && !here.endsWith(`/${modules}`)) {
      const place = here === "" ? `${modules}/${name}` : `${here}/${modules}/${name}`;
      if (folders.has(place)) return place;
    }
    if (here === "") return undefined;
  }
}
