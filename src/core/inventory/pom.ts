import { elementsOf } from "./xml-elements.ts";

/** A dependency as a pom declares it, the properties of the same file filled in. */
export interface PomDependency {
  readonly group: string;
  readonly artifact: string;
  /** As it is written, or as the file's own `dependencyManagement` says; undefined where neither does, so that a parent or an import must. */
  readonly version: string | undefined;
  /** `compile` where none is written. */
  readonly scope: string;
  readonly isOptional: boolean;
}

/** What a `pom.xml` says by itself. */
export interface Pom {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  readonly dependencies: readonly PomDependency[];
}

/** Characters of a value: no coordinate is so long, and what is filled in must not grow without end. */
const longestValue = 1024;
const mostRounds = 8;

/**
 * What `text`, a `pom.xml`, says; undefined where it is none. What a parent, an import or a dependency brings is not in the file: what comes from there stays open, with its `${…}`. Never throws. Maven, POM Reference.
 */
export function readPom(text: string): Pom | undefined {
  if (!text.includes("<project")) return undefined;
  const properties = new Map<string, string>();
  const own = new Map<string, string>();
  const declared: Map<string, string>[] = [];
  const managed: Map<string, string>[] = [];
  let current: Map<string, string> | undefined;
  for (const { path, value } of elementsOf(text)) {
    const list = listOf(path);
    if (list !== undefined) {
      if (value === undefined) current = new Map();
      else if (current !== undefined) {
        (list === "dependencies" ? declared : managed).push(current);
        current = undefined;
      }
      continue;
    }
    if (value === undefined || value.length > longestValue || path[0] !== "project") continue;
    const last = path.at(-1) ?? "";
    if (current !== undefined) {
      // Deeper ones are of its exclusions.
      if (listOf(path.slice(0, -1)) !== undefined) current.set(last, value);
    } else if (path.length === 3 && path[1] === "properties") properties.set(last, value);
    else if (path.length === 2) own.set(last, value);
    else if (path.length === 3 && path[1] === "parent") own.set(`parent.${last}`, value);
  }
  const coordinate = (key: string): string => own.get(key) ?? own.get(`parent.${key}`) ?? "";
  for (const key of ["groupId", "artifactId", "version"]) {
    for (const prefix of ["project.", "pom.", ""]) {
      const value = key === "artifactId" ? (own.get(key) ?? "") : coordinate(key);
      if (value !== "" && !properties.has(prefix + key)) properties.set(prefix + key, value);
    }
    const inherited = own.get(`parent.${key}`);
    if (inherited !== undefined) properties.set(`project.parent.${key}`, inherited);
  }
  const fill = (given: string): string => fillIn(given, properties);
  const nameOf = (one: ReadonlyMap<string, string>): string =>
    `${fill(one.get("groupId") ?? "")}:${fill(one.get("artifactId") ?? "")}`;
  const versions = new Map(managed.map((one) => [nameOf(one), one.get("version")]));
  return {
    group: fill(coordinate("groupId")),
    artifact: fill(own.get("artifactId") ?? ""),
    version: fill(coordinate("version")),
    dependencies: declared.map((one) => {
      const version = one.get("version") ?? versions.get(nameOf(one));
      return {
        group: fill(one.get("groupId") ?? ""),
        artifact: fill(one.get("artifactId") ?? ""),
        version: version === undefined ? undefined : fill(version),
        scope: fill(one.get("scope") ?? "compile"),
        isOptional: fill(one.get("optional") ?? "") === "true",
      };
    }),
  };
}

function listOf(path: readonly string[]): "dependencies" | "managed" | undefined {
  switch (path.join("/")) {
    case "project/dependencies/dependency":
      return "dependencies";
    case "project/dependencyManagement/dependencies/dependency":
      return "managed";
    default:
      return undefined;
  }
}

function fillIn(given: string, properties: ReadonlyMap<string, string>): string {
  let filled = given;
  for (let round = 0; round < mostRounds && filled.includes("${") && filled.length <= longestValue; round += 1) {
    const next = filled.replaceAll(/\$\{([^${}]+)\}/g, (whole, key: string) => properties.get(key) ?? whole);
    if (next === filled) break;
    filled = next;
  }
  return filled;
}
