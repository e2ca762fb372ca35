import type { PackageType } from "../types.ts";
import { parseComposerLock } from "./composer-lock.ts";
import { parseGemfileLock } from "./gemfile-lock.ts";
import { parseGoMod } from "./go-mod.ts";
import { parseGradleLock } from "./gradle-lock.ts";
import { collectLocked, type LockFile, type LockParser } from "./lock-parser.ts";
import { parseNugetLock } from "./nuget-lock.ts";
import { parsePackageLock } from "./package-lock.ts";
import { parsePipfileLock } from "./pipfile-lock.ts";
import { parsePnpmLock } from "./pnpm-lock.ts";
import { parsePomXml } from "./pom-xml.ts";
import { parseRequirements } from "./requirements.ts";
import { parseTomlPackages } from "./toml-packages.ts";
import { parseYarnLock } from "./yarn-lock.ts";

/** Every format of lock files, by the name of its file. Another one is: a file, a line here, a test. */
const formats: ReadonlyMap<string, readonly [PackageType, LockParser]> = new Map([
  ["package-lock.json", ["npm", parsePackageLock]],
  ["npm-shrinkwrap.json", ["npm", parsePackageLock]],
  ["yarn.lock", ["npm", parseYarnLock]],
  ["pnpm-lock.yaml", ["npm", parsePnpmLock]],
  ["requirements.txt", ["pypi", parseRequirements]],
  ["poetry.lock", ["pypi", parseTomlPackages]],
  ["uv.lock", ["pypi", parseTomlPackages]],
  ["pdm.lock", ["pypi", parseTomlPackages]],
  ["Pipfile.lock", ["pypi", parsePipfileLock]],
  ["go.mod", ["golang", parseGoMod]],
  ["pom.xml", ["maven", parsePomXml]],
  ["gradle.lockfile", ["maven", parseGradleLock]],
  ["Cargo.lock", ["cargo", parseTomlPackages]],
  ["composer.lock", ["composer", parseComposerLock]],
  ["Gemfile.lock", ["gem", parseGemfileLock]],
  ["packages.lock.json", ["nuget", parseNugetLock]],
]);

/** Bytes of the largest lock file that is worth reading. */
export const maxLockFile = 64 * 1_048_576;

/** Whether the file at `path` is of a format that `parseLockFile` reads, by its name. */
export function isLockFile(path: string): boolean {
  return formatOf(path) !== undefined;
}

/**
 * The versions that the lock file `text` settles; undefined where its name at the end of `path` is that of no format. It tells what a build would install, not what is
 * installed. Never throws: what cannot be understood is among the problems.
 */
export function parseLockFile(path: string, text: string): LockFile | undefined {
  const format = formatOf(path);
  if (format === undefined) return undefined;
  if (text.length > maxLockFile) {
    const problem = `it has more than ${maxLockFile} bytes`;
    return { packages: [], problems: [problem], requestsOf: () => [], gap: problem };
  }
  return collectLocked(...format, text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n"));
}

function formatOf(path: string): readonly [PackageType, LockParser] | undefined {
  return formats.get(path.slice(path.lastIndexOf("/") + 1));
}
