import { readText } from "../inventory/index.ts";
import type { NewPackage, Original, OriginalPackage } from "./types.ts";

const maxReasons = 20;

/** Packages whose trigger has an effect that the patch makes itself (the loader's cache), that only a running system feels, or that is an index for people. */
const quiet: ReadonlySet<string> = new Set([
  "libc-bin",
  "base-files",
  "man-db",
  "systemd",
  "udev",
  "dbus",
  "dbus-system-bus-common",
  "procps",
  "libc6",
]);

/** Triggers whose effect someone needs, when a package goes from its old to its new version: those it activates by name, those that its files activate, and a change of those that it waits for. deb-triggers(5). */
export function judgeTriggers(
  { tree, database }: Original,
  old: OriginalPackage | undefined,
  next: NewPackage,
): string[] {
  if (database === "status.d") return [];
  const reasons: string[] = [];
  const text = next.files.get("triggers") ?? "";
  const before = old === undefined ? "" : textOf(tree, `${old.info}.triggers`);
  if (interestsOf(text) !== interestsOf(before)) reasons.push("it waits for other triggers than before");
  for (const [, trigger = ""] of text.matchAll(/^\s*activate(?:-noawait|-await)?\s+(\S+)/gm)) {
    const waiting = textOf(tree, `var/lib/dpkg/triggers/${trigger}`).split("\n").map(waiterOf);
    for (const waiter of waiting)
      if (waiter !== "" && !quiet.has(waiter)) reasons.push(`${waiter} waits for ${trigger}`);
  }
  const paths = new Set((next.files.get("list") ?? "").split("\n").filter((path) => path.length > 2));
  for (const path of old?.paths ?? []) paths.add(`/${path}`);
  const touched = new Set<string>();
  for (const path of paths)
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const part = path.slice(0, end);
      if (touched.has(part)) break;
      touched.add(part);
    }
  for (const line of textOf(tree, "var/lib/dpkg/triggers/File").split("\n")) {
    const [, path, waiter] = /^(\/\S+) (\S+)$/.exec(line) ?? [];
    if (path === undefined || waiter === undefined || reasons.length > maxReasons) continue;
    const name = waiterOf(waiter);
    if (!quiet.has(name) && name !== next.swap.name && touched.has(path))
      reasons.push(`${name} waits for changes below ${path}`);
  }
  return reasons;
}

function waiterOf(waiter: string): string {
  return waiter
    .replace(/\/noawait$/, "")
    .replace(/:[a-z0-9-]+$/, "")
    .trim();
}

function interestsOf(text: string): string {
  const lines = text.split("\n").map((line) => line.replace(/#.*$/, "").trim().replaceAll(/\s+/g, " "));
  return lines
    .filter((line) => line.startsWith("interest"))
    .sort()
    .join("\n");
}

function textOf(tree: Original["tree"], path: string): string {
  const file = readText(tree, path);
  return file.kind === "read" ? file.text : "";
}
