import type { LockParser } from "./lock-parser.ts";

/**
 * The dependencies that a `pom.xml` itself declares with a version, properties of the same file filled in. What a parent, an import or a dependency brings is not
 * in the file: versions that come from there are said to be open. Maven, POM Reference.
 */
export const parsePomXml: LockParser = (text, found, say) => {
  const properties = new Map<string, string>();
  const dependencies: Map<string, string>[] = [];
  const managed = new Map<string, string>();
  let current: Map<string, string> | undefined;
  if (!text.includes("<project")) return say("it is no project of Maven");
  for (const { path, value } of elementsOf(text)) {
    const last = path.at(-1) ?? "";
    const where = path.join("/");
    if (
      where === "project/dependencies/dependency" ||
      where === "project/dependencyManagement/dependencies/dependency"
    ) {
      if (value === undefined) current = new Map();
      else if (current !== undefined) {
        if (path.length === 3) dependencies.push(current);
        else
          managed.set(
            `${current.get("groupId") ?? ""}:${current.get("artifactId") ?? ""}`,
            current.get("version") ?? "",
          );
        current = undefined;
      }
    } else if (value === undefined) continue;
    else if (current !== undefined && (path.length === 4 || path.length === 5)) current.set(last, value);
    else if (path.length === 3 && path[1] === "properties") properties.set(last, value);
    else if (path.length === 2 && last === "version") properties.set("project.version", value);
    else if (path.length === 2 && last === "groupId") properties.set("project.groupId", value);
    else if (where === "project/parent/version" && !properties.has("project.version"))
      properties.set("project.version", value);
    else if (where === "project/parent/groupId" && !properties.has("project.groupId"))
      properties.set("project.groupId", value);
  }
  const fill = (given: string): string => {
    let filled = given;
    for (let round = 0; round < 8 && filled.includes("${") && filled.length < 4096; round += 1)
      filled = filled.replaceAll(/\$\{([^${}]+)\}/g, (whole, key: string) => properties.get(key) ?? whole);
    return filled;
  };
  for (const dependency of dependencies) {
    const name = `${fill(dependency.get("groupId") ?? "")}:${fill(dependency.get("artifactId") ?? "")}`;
    const version = fill(dependency.get("version") ?? managed.get(name) ?? "");
    if (version === "" || /[${}[\](,]/.test(version)) say(`it settles no version of ${name.slice(0, 200)}`);
    else found(name, version);
  }
};

interface Element {
  readonly path: readonly string[];
  /** Its text, where it ends; undefined where it begins. */
  readonly value: string | undefined;
}

/** Begin and end of each element. Comments, declarations and CDATA marks are passed over; entities stay as they are but for the five of XML. */
function* elementsOf(text: string): Generator<Element> {
  const path: string[] = [];
  let from = 0;
  for (let at = text.indexOf("<"); at >= 0; at = text.indexOf("<", from)) {
    if (text.startsWith("<!--", at)) {
      const end = text.indexOf("-->", at);
      if (end < 0) return;
      from = end + 3;
      continue;
    }
    const end = text.indexOf(">", at);
    if (end < 0) return;
    const tag = text.slice(at + 1, end);
    if (tag.startsWith("/")) {
      const value = text.slice(from, at).trim();
      yield { path: [...path], value: unescapeXml(value) };
      path.pop();
    } else if (!/^[?!]/.test(tag)) {
      path.push(/^[^\s/]*/.exec(tag)?.[0] ?? "");
      if (path.length > 64) return;
      yield { path: [...path], value: undefined };
      if (tag.endsWith("/")) {
        yield { path: [...path], value: "" };
        path.pop();
      }
    }
    from = end + 1;
  }
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replaceAll(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => entities[name] ?? "");
}
