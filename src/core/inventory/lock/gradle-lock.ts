import type { LockParser } from "./lock-parser.ts";

/** `gradle.lockfile` and `*.lockfile` of a configuration: `group:artifact:version=configurations`. Gradle, Locking Versions. */
export const parseGradleLock: LockParser = (text, found, say) => {
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith("empty=")) continue;
    const parts = /^([^:=\s]+:[^:=\s]+):([^:=\s]+)(?:=.*)?$/.exec(line);
    if (parts?.[1] !== undefined && parts[2] !== undefined) found(parts[1], parts[2]);
    else say("it has a line that locks nothing");
  }
};
