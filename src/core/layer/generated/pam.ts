import type { ImageTree } from "./image-tree.ts";

interface Profile {
  readonly name: string;
  /** Field, as `Auth-Initial`, and its text, lines without the space around them. */
  readonly fields: ReadonlyMap<string, string>;
}

const kinds = ["auth", "account", "password", "session", "session-noninteractive"] as const;
const beforePrimary = /^# here are the per-package modules \(the "Primary" block\)/;
const afterPrimary = /^# here's the fallback if no module succeeds/;
const beforeAdditional = /^# and here are more per-package modules \(the "Additional" block\)/;
const afterAdditional = /^# end of pam-auth-update config/;

/**
 * `etc/pam.d/common-*` with every profile that is on by default, and pam-auth-update's notes of it, as the postinst of
 * libpam-runtime and of each package with a profile make them. pam-auth-update(8).
 */
export function addPam(tree: ImageTree): void {
  if (!tree.has("libpam-runtime")) return;
  const folder = "usr/share/pam-configs/";
  const profiles = tree.keptBelow(folder).map(([path, text]) => parseProfile(path.slice(folder.length), text));
  profiles.sort((a, b) => priority(b) - priority(a) || (a.name < b.name ? 1 : -1));
  const enabled = withoutConflicts(profiles.filter(({ fields }) => fields.get("Default") === "yes"));
  for (const kind of kinds) {
    const template = tree.kept(`usr/share/pam/common-${kind}`);
    if (template === undefined) continue;
    tree.file(`etc/pam.d/common-${kind}`, fillTemplate(template, kind, enabled));
    tree.file(`var/lib/pam/${kind}`, savedProfiles(kind, enabled));
  }
  tree.file("var/lib/pam/seen", profiles.map(({ name }) => `${name}\n`).join(""));
}

function parseProfile(name: string, text: string): Profile {
  const fields = new Map<string, string>();
  let current = "";
  for (const line of text.split("\n")) {
    const field = /^(\S+):\s*(.*?)\s*$/.exec(line);
    if (field?.[1] === undefined) {
      const more = line.trim();
      if (more !== "") fields.set(current, `${fields.get(current) ?? ""}\n${more}`.trimStart());
    } else {
      current = field[1].replace(/-Final$/, "");
      fields.set(current, field[2] ?? "");
    }
  }
  if (fields.get("Session-Interactive-Only") !== "yes")
    for (const part of ["-Type", "", "-Initial"]) {
      const value = fields.get(`Session${part}`);
      if (value !== undefined) fields.set(`Session-noninteractive${part}`, value);
    }
  return { name, fields };
}

function priority({ fields }: Profile): number {
  return Number(fields.get("Priority") ?? 0) || 0;
}

/** Of two that conflict the one with the lower priority goes. */
function withoutConflicts(profiles: readonly Profile[]): Profile[] {
  const kept: Profile[] = [];
  for (const profile of profiles)
    if (!kept.some((other) => conflicts(other, profile) || conflicts(profile, other))) kept.push(profile);
  return kept;
}

function conflicts(one: Profile, other: Profile): boolean {
  return (one.fields.get("Conflicts") ?? "").split(/,\s*/).includes(other.name);
}

/** The modules' lines of each enabled profile; the first one of a block may have other lines than those after it. */
function blockOf(
  kind: string,
  block: "Primary" | "Additional",
  enabled: readonly Profile[],
): { readonly name: string; readonly text: string }[] {
  const field = kind.replace(/^./, (letter) => letter.toUpperCase());
  return enabled
    .filter(({ fields }) => fields.get(`${field}-Type`) === block)
    .map(({ name, fields }, index) => {
      const initial = index === 0 ? fields.get(`${field}-Initial`) : undefined;
      return { name, text: initial ?? fields.get(field) ?? "" };
    });
}

function fillTemplate(template: string, kind: string, enabled: readonly Profile[]): string {
  const type = kind.replace("-noninteractive", "");
  const out: string[] = [];
  let until: RegExp | undefined;
  for (const line of template.replace(/\n$/, "").split("\n")) {
    if (until !== undefined && !until.test(line)) continue;
    until = undefined;
    out.push(line);
    const primary = beforePrimary.test(line);
    if (!primary && !beforeAdditional.test(line)) continue;
    const lines = blockOf(kind, primary ? "Primary" : "Additional", enabled).flatMap(({ text }) => text.split("\n"));
    if (primary && lines.length === 0) out.push(`${type}\t[default=1]\t\t\tpam_permit.so`);
    // Success jumps over what is left of its block: in the first one behind the line that denies, in the last one to its end.
    let left = primary ? lines.length : lines.length - 1;
    for (const module of lines) {
      const parts = /^((?:\[[^\]]+\]|\w+)\s+\S+)\s*(.*)/.exec(module);
      const options = (parts?.[2] ?? "").split(/\s+/).join(" ");
      out.push(`${type}\t${(parts?.[1] ?? module).replaceAll("end", String(left))} ${options}`);
      left -= 1;
    }
    until = primary ? afterPrimary : afterAdditional;
  }
  return `${out.join("\n")}\n`;
}

function savedProfiles(kind: string, enabled: readonly Profile[]): string {
  const primary = blockOf(kind, "Primary", enabled);
  if (primary.length === 0) primary.push({ name: "null", text: "[default=1]\t\t\tpam_permit.so" });
  return [...primary, ...blockOf(kind, "Additional", enabled)]
    .map(({ name, text }) => `Module: ${name}\n${text}\n`)
    .join("");
}
