import type { ApkPackage } from "./apk-database.ts";
import { mergeRows } from "./merge-rows.ts";
import type { Refusal } from "./types.ts";

export type ApkPackages = ReadonlyMap<string, ApkPackage>;

const maxShown = 20;

/** apk's `installed` of three sides as one; a package that both sides changed, each in another way, is refused: no order of their versions is known here. */
export function mergeApk(
  old: ApkPackages,
  base: ApkPackages,
  application: ApkPackages,
): { readonly packages: ApkPackages; readonly refusals: readonly Refusal[] } {
  const { rows, conflicts } = mergeRows(old, base, application, (a, b) => a.text === b.text || a.version === b.version);
  const refusals = conflicts.map((name): Refusal => {
    const side = (packages: ApkPackages): string => packages.get(name)?.version ?? "none";
    const message = `the application has ${name} ${side(application)}, the new base ${side(base)}, and the old base had ${side(old)}`;
    return { code: "package", package: name, message };
  });
  return { packages: rows, refusals: [...refusals, ...missingNeeds(rows, base, application)].slice(0, maxShown) };
}

/** What a package of the application needs, the image had, and the merged packages do not offer. apk-package(5), D: and p:. */
function missingNeeds(merged: ApkPackages, base: ApkPackages, application: ApkPackages): Refusal[] {
  const offers = offersOf(merged);
  const had = offersOf(application);
  const refusals: Refusal[] = [];
  for (const [name, each] of merged) {
    if (base.get(name)?.text === each.text) continue;
    for (const need of wordsOf(each, "D").filter((word) => !word.startsWith("!")))
      if (!offers.has(need) && had.has(need))
        refusals.push({
          code: "dependency",
          package: name,
          message: `${name} ${each.version} needs ${need}, which is not there any more`,
        });
  }
  return refusals;
}

function offersOf(packages: ApkPackages): Set<string> {
  const offers = new Set<string>();
  for (const [name, each] of packages) {
    offers.add(name);
    for (const word of wordsOf(each, "p")) offers.add(word);
    for (const file of each.files) offers.add(`/${file}`);
  }
  return offers;
}

/** The names in a field, without what follows of versions. */
function wordsOf({ text }: ApkPackage, letter: string): string[] {
  const line = text.split("\n").find((each) => each.startsWith(`${letter}:`));
  return (line ?? "")
    .slice(2)
    .split(" ")
    .flatMap((word) => /^[^<>=~]+/.exec(word)?.[0] ?? []);
}
