import { generatedTime } from "./database-members.ts";
import { statusStanza } from "./dpkg-status.ts";
import type { LayerEntry } from "./skeleton.ts";
import type { PackageFacts } from "./types.ts";

/**
 * What dpkg keeps of all packages of an image that holds dpkg, beside the `info` of each: `status`, the format of `info`, the triggers that they wait for,
 * and the foreign architectures. dpkg, lib/dpkg/db-fsys.h, lib/dpkg/triglib.c.
 */
export function dpkgDatabase(packages: readonly PackageFacts[]): LayerEntry[] {
  const sorted = [...packages].sort((a, b) => compare(a.name, b.name) || compare(a.architecture, b.architecture));
  const files = new Map<string, string>([
    ["available", ""],
    ["info/format", "1\n"],
    ["status", sorted.map(statusStanza).join("")],
    ["triggers/Unincorp", ""],
    ...triggerFiles(sorted),
  ]);
  const native = sorted.find(({ name }) => name === "dpkg")?.architecture;
  const others = new Set(sorted.map(({ architecture }) => architecture));
  others.delete("all");
  others.delete(native ?? "");
  if (native !== undefined && others.size > 0) files.set("arch", `${[native, ...[...others].sort()].join("\n")}\n`);
  return [...files]
    .sort(([a], [b]) => compare(a, b))
    .map(([name, text]): LayerEntry => ({
      path: `var/lib/dpkg/${name}`,
      kind: "file",
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: generatedTime,
      content: Buffer.from(text, "utf8"),
    }));
}

/** Who waits for what: paths in `File`, and a file for each other trigger. deb-triggers(5). */
function triggerFiles(packages: readonly PackageFacts[]): Map<string, string> {
  const files = new Map<string, string>([["triggers/File", ""]]);
  for (const { name, architecture, multiArchSame, triggers } of packages) {
    const waiting = multiArchSame ? `${name}:${architecture}` : name;
    for (const line of triggers.split("\n")) {
      const [, noAwait, trigger = ""] = /^\s*interest(?:-await|(-noawait))?\s+(\S+)\s*(?:#.*)?$/.exec(line) ?? [];
      const who = noAwait === undefined ? waiting : `${waiting}/noawait`;
      const isPath = trigger.startsWith("/");
      if (!isPath && !/^[a-zA-Z0-9][\w.+:@-]{0,200}$/.test(trigger)) continue;
      const file = isPath ? "triggers/File" : `triggers/${trigger}`;
      files.set(file, `${files.get(file) ?? ""}${isPath ? `${trigger} ${who}` : who}\n`);
    }
  }
  return files;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
