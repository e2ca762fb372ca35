import { readText } from "./read-text.ts";
import { listFolder, type Tree } from "./tree.ts";

/** One source of packages as the image's apt has it. sources.list(5). */
export interface AptSource {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** Empty where it serves every architecture. */
  readonly architectures: readonly string[];
  /** File that names it. */
  readonly file: string;
}

const maxSources = 1000;

/** The binary sources that a tree's apt reads, in its order; disabled and source-only ones are left out. */
export function readAptSources(tree: Tree): AptSource[] {
  const folder = "etc/apt/sources.list.d";
  const paths = ["etc/apt/sources.list", ...listFolder(tree, folder).map((name) => `${folder}/${name}`)];
  return paths
    .flatMap((path) => {
      const file = readText(tree, path);
      if (file.kind !== "read") return [];
      return path.endsWith(".sources") ? parseDeb822Sources(file.text, path) : parseSourcesList(file.text, path);
    })
    .slice(0, maxSources);
}

/** The one-line style: `deb [arch=amd64] URI SUITE COMPONENT…`. A line that is none is passed over. */
export function parseSourcesList(text: string, file: string): AptSource[] {
  return text.split("\n").flatMap((raw) => {
    const line = raw.replace(/#.*$/, "").trim();
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+\S+)*)$/.exec(line);
    if (match?.[2] === undefined || match[3] === undefined) return [];
    const option = /(?:^|\s)arch=(\S+)/.exec(match[1] ?? "")?.[1];
    const architectures = option === undefined ? [] : option.split(",");
    return [{ uri: match[2], suite: match[3], components: words(match[4]), architectures, file }];
  });
}

/** The deb822 style: stanzas of Types, URIs, Suites, Components. */
export function parseDeb822Sources(text: string, file: string): AptSource[] {
  return text.split(/\n(?:[ \t]*\n)+/).flatMap((stanza) => {
    const fields = parseFields(stanza);
    if (/^(?:no|false|0|off)$/i.test(fields.get("enabled") ?? "")) return [];
    if (!words(fields.get("types")).includes("deb")) return [];
    const components = words(fields.get("components"));
    const architectures = words(fields.get("architectures"));
    return words(fields.get("uris"))
      .slice(0, maxSources)
      .flatMap((uri) =>
        words(fields.get("suites"))
          .slice(0, maxSources)
          .map((suite) => ({ uri, suite, components, architectures, file })),
      );
  });
}

/** The sources of `codename` among `sources`: its release, its updates and its security suite. */
export function suitesOf(codename: string, sources: readonly AptSource[]): string[] {
  const suites = sources.map(({ suite }) => suite.replace(/\/updates$/, "-security"));
  return [...new Set(suites.filter((suite) => suite === codename || suite.startsWith(`${codename}-`)))];
}

function parseFields(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = "";
  for (const line of stanza.split("\n")) {
    if (line.startsWith("#")) continue;
    const match = /^([A-Za-z-]+):(.*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) {
      last = match[1].toLowerCase();
      fields.set(last, match[2].trim());
    } else if (/^[ \t]/.test(line) && last !== "") fields.set(last, `${fields.get(last) ?? ""} ${line.trim()}`);
  }
  return fields;
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}
