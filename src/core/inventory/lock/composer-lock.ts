import { fieldOf, textAt, type LockParser } from "./lock-parser.ts";

/** `composer.lock`: what is needed, and what developing needs. */
export const parseComposerLock: LockParser = (text, found, say) => {
  const lock: unknown = JSON.parse(text);
  if (!Array.isArray(fieldOf(lock, "packages"))) say("it is no lock file of Composer");
  for (const part of ["packages", "packages-dev"]) {
    const list: unknown = fieldOf(lock, part);
    for (const entry of Array.isArray(list) ? (list as unknown[]) : [])
      found(textAt(entry, "name") ?? "", textAt(entry, "version") ?? "");
  }
};
