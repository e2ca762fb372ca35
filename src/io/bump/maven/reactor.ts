import { posix } from "node:path";
import { BumpError, reachesOut } from "../error.ts";
import { folderOf, isInside } from "../tree-reader.ts";
import { childAt, readXml, textAt, type XmlNode } from "./xml-nodes.ts";

/** A `pom.xml` of a repository. Maven, POM Reference. */
export interface Pom {
  readonly path: string;
  readonly text: string;
  readonly project: XmlNode;
}

/** Poms that are built together, from the one at the top; with the parents that they have in the same repository. */
export interface Reactor {
  readonly root: string;
  readonly poms: ReadonlyMap<string, Pom>;
}

/** A pom; undefined where the text is none. */
export function readPomNode(path: string, text: string): Pom | undefined {
  const project = readXml(text);
  return project?.name === "project" ? { path, text, project } : undefined;
}

/** The modules that a pom names, in profiles as well, as paths of their poms. Throws REACHES_OUT. */
export function modulesOf({ path, project }: Pom): string[] {
  const places = [project, ...(childAt(project, "profiles")?.children ?? [])];
  return places
    .flatMap((one) => childAt(one, "modules")?.children ?? [])
    .map(({ text }) => {
      const at = posix.join(folderOf(path), text.endsWith(".xml") ? text : `${text}/pom.xml`);
      if (!isInside(at))
        reachesOut(`${path} names the module ${text.slice(0, 200)}, which lies outside of the repository`);
      return at;
    });
}

/** Where the parent of a pom is expected in the repository; undefined where it has none, or only a registry's. Throws REACHES_OUT. */
export function parentOf({ path, project }: Pom): string | undefined {
  const parent = childAt(project, "parent");
  if (parent === undefined) return undefined;
  const relative = childAt(parent, "relativePath");
  if (relative?.text === "") return undefined;
  const said = relative?.text ?? "../pom.xml";
  const at = posix.join(folderOf(path), said.endsWith(".xml") ? said : `${said}/pom.xml`);
  if (isInside(at)) return at;
  // Without a word, Maven looks one folder up.
  if (relative === undefined) return undefined;
  return reachesOut(`${path} has its parent at ${said.slice(0, 200)}, outside of the repository`);
}

/** The reactors of a repository's poms. What is only a parent of others is none of its own; what leads out of the repository is passed over, and refused when the pom that says it is read. */
export function findReactors(poms: ReadonlyMap<string, Pom>): Reactor[] {
  const modules = new Set([...poms.values()].flatMap(insideModules));
  const parents = new Set([...poms.values()].flatMap((one) => localParent(one, poms) ?? []));
  return [...poms.values()]
    .filter((one) => !modules.has(one.path) && (!parents.has(one.path) || insideModules(one).length > 0))
    .map((root) => ({ root: root.path, poms: membersOf(root, poms) }));
}

/** The parent of a pom where the repository has the very one that it names: Maven passes over another at that place. */
export function localParent(pom: Pom, poms: ReadonlyMap<string, Pom>): string | undefined {
  const at = orNothing(() => parentOf(pom));
  const found = at === undefined ? undefined : poms.get(at);
  if (at === undefined || found === undefined) return undefined;
  return textAt(pom.project, "parent", "artifactId") === textAt(found.project, "artifactId") ? at : undefined;
}

function insideModules(pom: Pom): string[] {
  return orNothing(() => modulesOf(pom)) ?? [];
}

function orNothing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof BumpError) return undefined;
    throw error;
  }
}

function membersOf(root: Pom, poms: ReadonlyMap<string, Pom>): Map<string, Pom> {
  const members = new Map<string, Pom>();
  const todo = [root.path];
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    const pom = poms.get(path);
    if (pom === undefined || members.has(path)) continue;
    members.set(path, pom);
    todo.push(...insideModules(pom), ...[localParent(pom, poms) ?? []].flat());
  }
  return members;
}
