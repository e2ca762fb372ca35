import type { PackageFacts } from "./types.ts";

/** The stanza of an installed package in dpkg's `status`, with an empty line at its end: its control stanza, its state, and its conffiles with their md5. dpkg(1), deb822(5). */
export function statusStanza(facts: PackageFacts): string {
  const [first = "", ...rest] = facts.control.split("\n");
  const conffiles = facts.conffiles.map(([path, md5]) => `\n ${path} ${md5}`).join("");
  return [
    first,
    "Status: install ok installed",
    ...rest,
    ...(conffiles === "" ? [] : [`Conffiles:${conffiles}`]),
    "",
    "",
  ].join("\n");
}
