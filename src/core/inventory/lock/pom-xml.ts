import { readPom } from "../pom.ts";
import type { LockParser } from "./lock-parser.ts";

/** The dependencies that a `pom.xml` itself declares with a version. Versions that a parent, an import or a dependency brings are said to be open. Maven, POM Reference. */
export const parsePomXml: LockParser = (text, found, say, asks) => {
  const pom = readPom(text);
  if (pom === undefined) return say("it is no project of Maven");
  const by = `${pom.group}:${pom.artifact}@${pom.version}`;
  for (const { group, artifact, version = "" } of pom.dependencies) {
    const name = `${group}:${artifact}`;
    if (version === "" || /[${}[\](,]/.test(version)) say(`it settles no version of ${name.slice(0, 200)}`);
    else {
      found(name, version);
      asks.add(name, version, { by, range: version });
    }
  }
  // What a pom declares itself decides, whatever its dependencies ask for. Maven, Introduction to the Dependency Mechanism.
  asks.all();
};
