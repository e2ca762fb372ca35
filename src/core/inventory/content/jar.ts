import type { Asked, FileAsks, FileHolds, HeldPackage } from "../layer-facts.ts";
import { readPom, type Pom } from "../pom.ts";
import { isPlainName, isPlainVersion, type ContentRecogniser } from "./content-recogniser.ts";
import { readZipDirectory, readZipEntry, type ZipEntry } from "./zip.ts";

const mebibyte = 1_048_576;
const largestArchive = 512 * mebibyte;
/** Bytes of a nested archive, and of all that is unpacked for one file of a layer. */
const largestNested = 128 * mebibyte;
const mostUnpacked = 512 * mebibyte;
const largestText = mebibyte;
const maxDepth = 5;
const maxPackages = 50_000;
const maxArchives = 20_000;
const maxAsked = 100_000;
const maxProblems = 5;
const archives = /\.(?:jar|war|ear|par|sar|hpi|jpi)$/i;
const decoder = new TextDecoder("utf-8");

/**
 * Archives of Java: each `pom.properties` in them names what Maven or Gradle packed, also in those that were put together of many; where there is none, the
 * manifest and the file's name tell. Archives in archives are looked into, and each `pom.xml` says what was asked for. JAR File Specification; Maven, Archiver.
 */
export const jarRecogniser: ContentRecogniser = {
  largest: largestArchive,
  matches: (path) => archives.test(path.slice(-4)),
  read: (content, path) => (content.length === 0 ? undefined : new JarReader().read(content, path)),
};

class JarReader {
  private readonly packages: HeldPackage[] = [];
  private readonly problems: string[] = [];
  private readonly asks: FileAsks[] = [];
  private asked = 0;
  /** Archives of which nobody knows what they ask for. */
  private silent = 0;
  private readonly seen = new Set<string>();
  private left = mostUnpacked;
  private looked = 0;

  read(content: Uint8Array, path: string): FileHolds | undefined {
    this.visit(content, path.slice(path.lastIndexOf("/") + 1), "", 0);
    const { packages, problems } = this;
    const asks = this.allAsks();
    const holds = asks.length === 0 ? { packages } : { packages, asks };
    if (problems.length === 0) return packages.length === 0 ? undefined : holds;
    const said = problems.slice(0, maxProblems).join("; ");
    const more = problems.length - maxProblems;
    return { ...holds, problem: more > 0 ? `${said}; and ${more} more` : said };
  }

  private visit(bytes: Uint8Array, name: string, inside: string, depth: number): void {
    this.looked += 1;
    const directory = readZipDirectory(bytes);
    if (directory.kind === "broken") return this.say(inside, directory.problem);
    const found: HeldPackage[] = [];
    let manifest = new Map<string, string>();
    let poms = 0;
    for (const entry of directory.entries) {
      if (entry.name === "META-INF/MANIFEST.MF") {
        const text = this.text(bytes, entry, inside);
        if (text !== undefined) manifest = parseManifest(text);
      } else if (isPomProperties(entry.name)) {
        const text = this.text(bytes, entry, inside);
        const named = text === undefined ? undefined : parsePomProperties(text);
        if (named !== undefined) found.push({ type: "maven", ...named });
      } else if (isPom(entry.name)) {
        const text = this.text(bytes, entry, inside);
        const pom = text === undefined ? undefined : readPom(text);
        if (pom === undefined) continue;
        poms += 1;
        this.ask(pom, entry.name, inside);
      }
    }
    if (found.length === 0) {
      const guess = identify(name.replace(archives, ""), manifest);
      if (guess !== undefined) found.push({ type: "maven", ...guess });
    }
    for (const one of found) this.add(inside === "" ? one : { ...one, inside });
    if (poms === 0) this.silent += 1;
    // Last, so that what an archive says of itself is read whatever lies in it.
    for (const entry of directory.entries) if (archives.test(entry.name)) this.nested(bytes, entry, inside, depth);
  }

  private nested(bytes: Uint8Array, entry: ZipEntry, inside: string, depth: number): void {
    const place = inside === "" ? entry.name : `${inside}!/${entry.name}`;
    if (entry.size === 0) return;
    if (depth >= maxDepth) return this.say(place, `archives lie more than ${maxDepth} deep in it`);
    if (this.looked >= maxArchives) return this.say(inside, `it holds more than ${maxArchives} archives`);
    const content = this.content(bytes, entry, largestNested);
    if (content.kind === "broken") return this.say(place, content.problem);
    this.visit(content.bytes, entry.name.slice(entry.name.lastIndexOf("/") + 1), place, depth + 1);
  }

  private text(bytes: Uint8Array, entry: ZipEntry, inside: string): string | undefined {
    const content = this.content(bytes, entry, largestText);
    if (content.kind === "bytes") return decoder.decode(content.bytes);
    this.say(inside === "" ? entry.name : `${inside}!/${entry.name}`, content.problem);
    return undefined;
  }

  private content(bytes: Uint8Array, entry: ZipEntry, limit: number): ReturnType<typeof readZipEntry> {
    if (entry.method !== 0) {
      if (entry.size > this.left)
        return { kind: "broken", problem: `more than ${mostUnpacked} bytes would have to be unpacked` };
      this.left -= entry.size;
    }
    return readZipEntry(bytes, entry, limit);
  }

  private add(one: HeldPackage): void {
    const key = JSON.stringify([one.name, one.version, one.inside]);
    if (this.seen.has(key)) return;
    if (this.seen.size >= maxPackages) return this.say("", `it names more than ${maxPackages} packages`);
    this.seen.add(key);
    this.packages.push(one);
  }

  /** What counts when others use the archive: not what only its own build or tests need, nor what is left to them. Maven, Introduction to the Dependency Mechanism. */
  private ask(pom: Pom, name: string, inside: string): void {
    const of: Asked[] = [];
    let incomplete: string | undefined;
    for (const { group, artifact, version = "", scope, isOptional } of pom.dependencies) {
      if (isOptional || (scope !== "compile" && scope !== "runtime")) continue;
      const asked = coordinates(group, artifact);
      if (asked === undefined) incomplete ??= "it asks for something whose name is set elsewhere";
      else if (this.asked >= maxAsked) incomplete ??= `the file asks for more than ${maxAsked} packages`;
      else {
        this.asked += 1;
        of.push([asked, isPlainVersion(version) && !version.includes("${") ? version : ""]);
      }
    }
    if (of.length === 0 && incomplete === undefined) return;
    const own = named(pom.group, pom.artifact, pom.version);
    this.asks.push({
      by: own === undefined ? name.slice(0, 300) : `${own.name}@${own.version}`,
      ...(inside === "" ? {} : { inside }),
      of,
      ...(incomplete === undefined ? {} : { incomplete }),
    });
  }

  private allAsks(): readonly FileAsks[] {
    if (this.silent === 0) return this.asks;
    const incomplete =
      this.silent === this.looked
        ? "nothing in it says what it asks for"
        : `${this.silent} of the ${this.looked} archives in it do not say what they ask for`;
    return [...this.asks, { by: "", of: [], incomplete }];
  }

  private say(place: string, problem: string): void {
    const said = place === "" ? problem : `${place.slice(0, 300)}: ${problem}`;
    if (!this.problems.includes(said) && this.problems.length < 1000) this.problems.push(said);
  }
}

function isPomProperties(name: string): boolean {
  return name.endsWith("/pom.properties") && /(?:^|\/)META-INF\/maven\/[^/]+\/[^/]+\/pom\.properties$/.test(name);
}

function isPom(name: string): boolean {
  return name.endsWith("/pom.xml") && /(?:^|\/)META-INF\/maven\/[^/]+\/[^/]+\/pom\.xml$/.test(name);
}

type Named = Pick<HeldPackage, "name" | "version">;

/** What Maven's archiver writes down: group, artifact and version. Undefined where one is missing, or was not filled in. */
function parsePomProperties(text: string): Named | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const field = /^[ \t]*(groupId|artifactId|version)[ \t]*[=:](.*)$/.exec(line.trimEnd());
    if (field?.[1] !== undefined && field[2] !== undefined) fields.set(field[1], field[2].trim());
  }
  const [group = "", artifact = "", version = ""] = ["groupId", "artifactId", "version"].map((key) => fields.get(key));
  return named(group, artifact, version);
}

function named(group: string, artifact: string, version: string): Named | undefined {
  const name = coordinates(group, artifact);
  if (name === undefined || !isPlainVersion(version) || version.includes("${")) return undefined;
  return { name, version };
}

function coordinates(group: string, artifact: string): string | undefined {
  const isWhole = [group, artifact].every((part) => isPlainName(part) && /^[\w.-]+$/.test(part));
  return isWhole ? `${group}:${artifact}` : undefined;
}

/** The main section of a manifest, by the names of its attributes in small letters. JAR File Specification, Name-Value pairs. */
function parseManifest(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let last = "";
  let value = "";
  for (const raw of text.split(/\r\n|\n|\r/)) {
    if (raw === "") break;
    if (raw.startsWith(" ")) {
      value += raw.slice(1);
      continue;
    }
    if (last !== "") fields.set(last, value.trim());
    const colon = raw.indexOf(":");
    last = colon < 0 ? "" : raw.slice(0, colon).toLowerCase();
    value = raw.slice(colon + 1);
  }
  if (last !== "") fields.set(last, value.trim());
  return fields;
}

/**
 * What an archive without `pom.properties` is, by its file's name and its manifest. Only where they name a group is it one that advisories speak of; nothing where
 * not even a version is told.
 */
function identify(file: string, manifest: ReadonlyMap<string, string>): Named | undefined {
  const byName = /^([A-Za-z][\w.]*(?:-[A-Za-z_][\w.]*)*)-(\d[\w.+-]*)$/.exec(file);
  const bundle = (manifest.get("bundle-symbolicname") ?? "").split(";")[0]?.trim() ?? "";
  const title = manifest.get("implementation-title") ?? "";
  const artifact = byName?.[1] ?? (/^[\w.-]+$/.test(title) ? title : bundle);
  const version =
    byName?.[2] ??
    manifest.get("implementation-version") ??
    (bundle === "" ? "" : (manifest.get("bundle-version") ?? ""));
  if (!/^[\w.-]+$/.test(artifact) || !isPlainVersion(version) || version.includes("${")) return undefined;
  const vendor = manifest.get("implementation-vendor-id") ?? "";
  const prefix = bundle.endsWith(`.${artifact}`) ? bundle.slice(0, -artifact.length - 1) : "";
  const group = [vendor, prefix].find((one) => /^[A-Za-z][\w-]*(?:\.[\w-]+)+$/.test(one));
  return { name: group === undefined ? artifact : `${group}:${artifact}`, version };
}
