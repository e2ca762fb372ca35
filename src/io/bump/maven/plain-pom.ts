import { reachesOut } from "../error.ts";
import type { Pom } from "./reactor.ts";
import { childAt, escapeXml, textAt, type XmlNode } from "./xml-nodes.ts";

/** What of a project says which packages it takes. All else, above all plugins, extensions and repositories, has Maven run or fetch what the repository names. */
const kept = new Set([
  "modelVersion",
  "groupId",
  "artifactId",
  "version",
  "properties",
  "dependencyManagement",
  "dependencies",
  "modules",
  "profiles",
]);
const keptInProfile = new Set(["id", "activation", "properties", "dependencyManagement", "dependencies", "modules"]);

/** A pom that says the same of packages, and nothing else; its parent is the one at `parent`, a path from its own folder. Throws REACHES_OUT. */
export function plainPom({ path, project }: Pom, parent: string | undefined): string {
  for (const place of [project, ...(childAt(project, "profiles")?.children ?? [])])
    for (const list of [childAt(place, "dependencies"), childAt(place, "dependencyManagement", "dependencies")])
      for (const one of list?.children ?? [])
        if (childAt(one, "systemPath") !== undefined || textAt(one, "scope") === "system")
          reachesOut(
            `${path} takes ${textAt(one, "artifactId").slice(0, 200)} from a file of the machine: change it by hand`,
          );
  const isPom = textAt(project, "packaging") === "pom";
  const said = childAt(project, "parent");
  const above =
    said === undefined || parent === undefined
      ? ""
      : `<parent>${["groupId", "artifactId", "version"].map((name) => element(name, escapeXml(textAt(said, name)))).join("")}<relativePath>${escapeXml(parent)}</relativePath></parent>`;
  const rest = project.children
    .filter(({ name }) => kept.has(name))
    .map((one) =>
      one.name === "profiles" ? element("profiles", one.children.map(plainProfile).join("")) : write(one),
    );
  return `<project>${above}${rest.join("")}<packaging>${isPom ? "pom" : "jar"}</packaging></project>`;
}

function plainProfile(profile: XmlNode): string {
  return element(
    "profile",
    profile.children
      .filter(({ name }) => keptInProfile.has(name))
      .map(write)
      .join(""),
  );
}

function write(node: XmlNode): string {
  return element(node.name, node.children.length === 0 ? escapeXml(node.text) : node.children.map(write).join(""));
}

function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}
