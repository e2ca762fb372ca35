import type { LockParser } from "./lock-parser.ts";

/** `[[package]]` tables with a name and a version, as Cargo.lock, poetry.lock, uv.lock and pdm.lock have them: as much of TOML as their writers use. */
export const parseTomlPackages: LockParser = (text, found) => {
  let name: string | undefined;
  let version: string | undefined;
  let isInside = false;
  const finish = (): void => {
    if (name !== undefined && version !== undefined) found(name, version);
    name = undefined;
    version = undefined;
  };
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line.startsWith("[")) {
      if (line.startsWith("[[") || /^\[[\w.-]+\]$/.test(line)) {
        finish();
        isInside = line === "[[package]]";
      }
      continue;
    }
    const field = isInside ? /^(name|version)\s*=\s*"([^"\\]*)"$/.exec(line) : null;
    if (field?.[1] === "name") name = field[2];
    else if (field?.[1] === "version") version = field[2];
  }
  finish();
};
