import { objectAt, textAt, type LockParser } from "./lock-parser.ts";

/** `packages.lock.json` of NuGet: each framework's packages; projects of the same solution are none. */
export const parseNugetLock: LockParser = (text, found) => {
  const frameworks = objectAt(JSON.parse(text), "dependencies") ?? {};
  for (const framework of Object.keys(frameworks))
    for (const [name, entry] of Object.entries(objectAt(frameworks, framework) ?? {})) {
      const version = textAt(entry, "resolved");
      if (version !== undefined && textAt(entry, "type") !== "Project") found(name, version);
    }
};
