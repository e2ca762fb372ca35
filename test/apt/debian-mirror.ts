import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseControl } from "../../src/core/packages/index.ts";

/** Where the system takes Debian from: the archive, and the archive of security updates. */
export interface DebianMirror {
  readonly archive: string;
  readonly security: string;
}

interface Entry {
  readonly uri: string;
  readonly suite: string;
}

const releases = ["bookworm", "trixie", "forky", "stable", "testing", "sid", "unstable"];

/** The mirror that TIDEMILL_DEBIAN_MIRROR names, else the one of the apt sources below `etc`; undefined where neither does. */
export function findDebianMirror(etc = "/etc/apt"): DebianMirror | undefined {
  const named = process.env.TIDEMILL_DEBIAN_MIRROR;
  const entries = named === undefined || named === "" ? readSources(etc) : [{ uri: named, suite: "stable" }];
  const archive = entries.find(({ suite }) => releases.includes(suite.split("-")[0] ?? "") && !isSecurity(suite))?.uri;
  if (archive === undefined) return undefined;
  const security = entries.find(({ suite }) => isSecurity(suite))?.uri ?? `${archive.replace(/\/+$/, "")}-security`;
  return { archive, security };
}

/** Address, suite of one line of sources. */
export function sourceOf(mirror: DebianMirror, suite: string): Entry {
  return { uri: isSecurity(suite) ? mirror.security : mirror.archive, suite };
}

function isSecurity(suite: string): boolean {
  return suite.endsWith("-security");
}

function readSources(etc: string): Entry[] {
  const parts = join(etc, "sources.list.d");
  const files = existsSync(parts) ? readdirSync(parts).sort() : [];
  return [
    ...readLines(join(etc, "sources.list")),
    ...files.flatMap((file) => {
      const path = join(parts, file);
      if (file.endsWith(".sources")) return readStanzas(path);
      return file.endsWith(".list") ? readLines(path) : [];
    }),
  ];
}

function readStanzas(path: string): Entry[] {
  return parseControl(readFileSync(path, "utf8")).flatMap((stanza) => {
    const [uri] = words(stanza.get("uris"));
    if (uri === undefined || !words(stanza.get("types")).includes("deb") || stanza.get("enabled") === "no") return [];
    return words(stanza.get("suites")).map((suite) => ({ uri, suite }));
  });
}

function readLines(path: string): Entry[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((line) => {
      const [type, uri, suite] = words(line.replace(/\[[^\]]*\]/, ""));
      return type === "deb" && uri !== undefined && suite !== undefined ? [{ uri, suite }] : [];
    });
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}
