import type { Catalogue, PackageNode, VersionNode } from "./catalogue.ts";
import { isOfSuite } from "./switch-suite.ts";

/** What `apt-get install` takes: a name, a name with a version, or a name with a suite. */
export interface Root {
  readonly text: string;
  readonly name: string;
  readonly version: string | undefined;
  readonly suite: string | undefined;
}

/** Splits `name`, `name=version` or `name/suite`. */
export function parseRoot(text: string): Root {
  const found = /^([^=/]*)(?:=(.*)|\/(.*))?$/s.exec(text);
  return { text, name: found?.[1] ?? text, version: found?.[2], suite: found?.[3] };
}

type Given = ReadonlyMap<PackageNode, { readonly version: VersionNode | undefined }>;

/**
 * The version that a root stands for: the one it names, else the candidate; for a name that no package has, the only package
 * that provides it. A sentence that says what is wrong where there is none.
 */
export function rootVersion(root: Root, catalogue: Catalogue, given: Given): VersionNode | string {
  const { architecture } = catalogue.universe;
  const suffix = `:${architecture}`;
  const name = root.name.endsWith(suffix) ? root.name.slice(0, -suffix.length) : root.name;
  const node = catalogue.package(name);
  if (root.version !== undefined) {
    const found = node.versions.find(({ record }) => record.version === root.version);
    return found ?? lack(node, `version ${root.version} of ${name}`);
  }
  if (root.suite !== undefined) {
    const found = node.versions.find(({ record }) => isOfSuite(record.origin, root.suite ?? ""));
    return found ?? lack(node, `${name} from ${root.suite}`);
  }
  const told = given.get(node);
  const candidate = told === undefined ? node.versions[0] : told.version;
  if (candidate !== undefined) return candidate;
  if (node.versions.length > 0)
    return `${name} is ${told === undefined ? "not offered" : "excluded, or held at a version that no suite offers"}`;
  return onlyProvider(name, catalogue, given);
}

function onlyProvider(name: string, catalogue: Catalogue, given: Given): VersionNode | string {
  const providers = new Set<VersionNode>();
  for (const { record } of catalogue.universe.providers(name)) {
    const version = catalogue.version(record);
    const told = given.get(version.package);
    if (version === (told === undefined ? version.package.versions[0] : told.version)) providers.add(version);
  }
  const [only] = providers;
  if (only === undefined) return `no suite offers ${name}`;
  if (providers.size === 1) return only;
  const names = [...providers].map((version) => version.package.name).sort();
  return `${name} is provided by ${names.slice(0, 8).join(", ")}${names.length > 8 ? " and others" : ""}: name one of them`;
}

function lack(node: PackageNode, what: string): string {
  const offered = node.versions.map(({ record }) => record.version);
  return `no suite offers ${what}${offered.length > 0 ? `, only ${offered.slice(0, 5).join(", ")}` : ""}`;
}
