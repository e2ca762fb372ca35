import { objectAt, textAt, type LockParser } from "./lock-parser.ts";

/** `Pipfile.lock`: what is needed, and what developing needs. */
export const parsePipfileLock: LockParser = (text, found, say) => {
  const lock: unknown = JSON.parse(text);
  for (const part of ["default", "develop"])
    for (const [name, entry] of Object.entries(objectAt(lock, part) ?? {})) {
      const version = /^={2,3}(.+)$/.exec(textAt(entry, "version") ?? "")?.[1];
      if (version === undefined) say(`it settles no version of ${name.slice(0, 200)}`);
      else found(name, version);
    }
};
