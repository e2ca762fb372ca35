import { isSameVersion, type BumpMove } from "../../../core/bump/index.ts";
import { localParent, type Pom, type Reactor } from "./reactor.ts";
import { childAt, escapeXml, textAt, type XmlNode } from "./xml-nodes.ts";

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

const mostRounds = 8;

/**
 * The poms of a reactor with a package brought to another version: where a version stands that is to go, or in the property that it is taken from; where none does, by a rule of `dependencyManagement` in the pom at the top. Nothing else
 * differs. A text says why it cannot be done.
 */
export function planEdits(
  reactor: Reactor,
  name: string,
  moves: readonly BumpMove[],
): ReadonlyMap<string, string> | string {
  const edits = new Map<string, Map<number, Edit>>();
  const put = (path: string, edit: Edit): void =>
    void edits.set(path, (edits.get(path) ?? new Map<number, Edit>()).set(edit.from, edit));
  for (const pom of reactor.poms.values())
    for (const dependency of dependenciesOf(pom)) {
      if (nameOf(pom, dependency, reactor) !== name) continue;
      const version = childAt(dependency, "version");
      if (version === undefined) continue;
      const [, property] = /^\$\{([^${}]+)\}$/.exec(version.text) ?? [];
      const place = property === undefined ? { path: pom.path, node: version } : findProperty(pom, property, reactor);
      if (place === undefined || place.node.text.includes("${")) {
        if (
          moves.length > 0 &&
          isOf(fill(version.text, pom, reactor), moves) === undefined &&
          !version.text.includes("${")
        )
          continue;
        return `${pom.path} takes the version of ${name} from ${version.text}, which is set elsewhere: change it by hand`;
      }
      const to = isOf(place.node.text, moves);
      if (to !== undefined)
        put(place.path, { from: place.node.from, to: place.node.to, text: inPlace(reactor, place, to) });
    }
  if (edits.size === 0) {
    const root = reactor.poms.get(reactor.root);
    const to = moves.at(-1)?.to;
    if (root === undefined || to === undefined) return `there is no pom ${reactor.root}`;
    const added = addManaged(root, name, to);
    if (typeof added === "string") return added;
    put(root.path, added);
  }
  return new Map(
    [...edits].map(([path, all]) => [path, applyEdits(reactor.poms.get(path)?.text ?? "", [...all.values()])]),
  );
}

/** Every version that `dependencyManagement` or a dependency of a reactor names, by package. */
export function namedVersions(reactor: Reactor): { readonly name: string; readonly version: string }[] {
  return [...reactor.poms.values()].flatMap((pom) =>
    dependenciesOf(pom).flatMap((one) => {
      const version = fill(textAt(one, "version"), pom, reactor);
      return version === "" || /[${}[\](,\s]/.test(version) ? [] : [{ name: nameOf(pom, one, reactor), version }];
    }),
  );
}

function isOf(version: string, moves: readonly BumpMove[]): string | undefined {
  return moves.find(({ from }) => isSameVersion("maven", from, version))?.to;
}

function inPlace(
  { poms }: Reactor,
  { path, node }: { readonly path: string; readonly node: XmlNode },
  to: string,
): string {
  const raw = (poms.get(path)?.text ?? "").slice(node.from, node.to);
  const [before = "", after = ""] = [/^\s*/.exec(raw)?.[0], /\s*$/.exec(raw)?.[0]];
  return before + escapeXml(to) + after;
}

function dependenciesOf({ project }: Pom): XmlNode[] {
  const places = [project, ...(childAt(project, "profiles")?.children ?? [])];
  return places.flatMap((one) => [
    ...(childAt(one, "dependencies")?.children ?? []),
    ...(childAt(one, "dependencyManagement", "dependencies")?.children ?? []),
  ]);
}

function nameOf(pom: Pom, dependency: XmlNode, reactor: Reactor): string {
  return `${fill(textAt(dependency, "groupId"), pom, reactor)}:${fill(textAt(dependency, "artifactId"), pom, reactor)}`;
}

/** Where a property stands: in the pom itself, else in its parents of the same repository. */
function findProperty(
  pom: Pom,
  name: string,
  reactor: Reactor,
): { readonly path: string; readonly node: XmlNode } | undefined {
  const seen = new Set<string>();
  for (let at: Pom | undefined = pom; at !== undefined && !seen.has(at.path);) {
    seen.add(at.path);
    const node = childAt(at.project, "properties")?.children.find((one) => one.name === name);
    if (node !== undefined && node.children.length === 0) return { path: at.path, node };
    const above = localParent(at, reactor.poms);
    at = above === undefined ? undefined : reactor.poms.get(above);
  }
  return undefined;
}

function fill(given: string, pom: Pom, reactor: Reactor): string {
  let filled = given;
  for (let round = 0; round < mostRounds && filled.includes("${") && filled.length < 1024; round += 1)
    filled = filled.replaceAll(/\$\{([^${}]+)\}/g, (whole, name: string) => valueOf(pom, name, reactor) ?? whole);
  return filled;
}

function valueOf(pom: Pom, name: string, reactor: Reactor): string | undefined {
  const [, own] = /^(?:project|pom)\.(groupId|version|artifactId)$/.exec(name) ?? [];
  if (own === undefined) return findProperty(pom, name, reactor)?.node.text;
  return textAt(pom.project, own) || textAt(pom.project, "parent", own) || undefined;
}

/** A rule for a package that others bring, written as the file is. Maven, Introduction to the Dependency Mechanism, Dependency Management. */
function addManaged({ path, text, project }: Pom, name: string, to: string): Edit | string {
  const [group = "", artifact = ""] = name.split(":");
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const unit = /^([ \t]+)<(?:modelVersion|groupId|artifactId|parent)\b/m.exec(text)?.[1] ?? "  ";
  const lines = (depth: number): string[] => [
    unit.repeat(depth) + "<dependency>",
    `${unit.repeat(depth + 1)}<groupId>${escapeXml(group)}</groupId>`,
    `${unit.repeat(depth + 1)}<artifactId>${escapeXml(artifact)}</artifactId>`,
    `${unit.repeat(depth + 1)}<version>${escapeXml(to)}</version>`,
    unit.repeat(depth) + "</dependency>",
  ];
  const managed = childAt(project, "dependencyManagement");
  const list = childAt(managed, "dependencies");
  // An import decides before what stands after it, and a rule of the pom itself before every import.
  if (list !== undefined && list.to > list.from)
    return { from: list.from, to: list.from, text: end + lines(3).join(end) };
  if (managed !== undefined) return `${path} has an empty dependencyManagement: change it by hand`;
  const block = [
    `${unit}<dependencyManagement>`,
    `${unit.repeat(2)}<dependencies>`,
    ...lines(3),
    `${unit.repeat(2)}</dependencies>`,
    `${unit}</dependencyManagement>`,
  ];
  const before = childAt(project, "dependencies") ?? childAt(project, "build") ?? childAt(project, "profiles");
  const at = before === undefined ? lineStart(text, project.to) : lineStart(text, before.start);
  return { from: at, to: at, text: (at > 0 && text[at - 1] !== "\n" ? end : "") + block.join(end) + end };
}

/** The beginning of the line of an offset where only spaces stand before it, else the offset. */
function lineStart(text: string, at: number): number {
  const start = text.lastIndexOf("\n", at - 1) + 1;
  return text.slice(start, at).trim() === "" ? start : at;
}

function applyEdits(text: string, edits: readonly Edit[]): string {
  return [...edits]
    .sort((a, b) => b.from - a.from)
    .reduce((all, one) => all.slice(0, one.from) + one.text + all.slice(one.to), text);
}
