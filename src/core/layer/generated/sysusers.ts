/** A line of sysusers.d that makes an account (`u`), a group (`g`) or a membership (`m`). */
export type SysusersLine =
  | {
      readonly kind: "user";
      readonly name: string;
      /** Undefined where the next free one is meant. */
      readonly uid?: number;
      /** Name or number of a group that is there already; without it the account has one of its own. */
      readonly group?: string;
      readonly comment: string;
      readonly home: string;
      readonly shell?: string;
      /** That nobody may log in to, by whatever means. */
      readonly locked: boolean;
    }
  | { readonly kind: "group"; readonly name: string; readonly gid?: number }
  | { readonly kind: "member"; readonly name: string; readonly group: string };

const accountName = /^[A-Za-z_][\w-]{0,30}$/;

/** The lines of a file of sysusers.d(5); one that is not understood is left out. A number that a path's owner would decide counts as none. */
export function parseSysusers(text: string): SysusersLine[] {
  const lines: SysusersLine[] = [];
  for (const line of text.split("\n")) {
    const [type, name, id = "-", comment = "-", home = "-", shell = "-"] = words(line);
    if (type === undefined || name === undefined || !accountName.test(name)) continue;
    if (type === "m") {
      if (accountName.test(id)) lines.push({ kind: "member", name, group: id });
    } else if (type === "g") {
      lines.push({ kind: "group", name, ...numbered("gid", id) });
    } else if (type === "u" || type === "u!") {
      const [own = "-", group] = id.startsWith("/") ? ["-"] : id.split(":");
      lines.push({
        kind: "user",
        name,
        ...numbered("uid", own),
        ...(group === undefined || group === "-" ? {} : { group }),
        locked: type === "u!",
        comment: comment === "-" ? "" : comment.replace(unfit, " "),
        home: isPath(home) ? home : "/",
        ...(isPath(shell) ? { shell } : {}),
      });
    }
  }
  return lines;
}

/** What would begin another field or line of passwd(5). */
const unfit = /[:\p{Cc}]/gu;

function isPath(text: string): boolean {
  return /^\/[^:\p{Cc}]*$/u.test(text);
}

function numbered<Key extends string>(key: Key, text: string): { [K in Key]?: number } {
  return (/^\d{1,9}$/.test(text) ? { [key]: Number(text) } : {}) as { [K in Key]?: number };
}

/** Words in the manner of a shell: quotes hold blanks together, `#` begins a comment. */
function words(line: string): string[] {
  if (/^\s*#/.test(line)) return [];
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}
