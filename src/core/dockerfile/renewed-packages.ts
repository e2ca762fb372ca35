import { usesPackageIndex } from "./package-index.ts";
import type { ParsedDockerfile, Stage } from "./types.ts";

/** Calls that bring every installed package up to date. */
const upgradesAll =
  /\b(?:apt-get|apt|aptitude)\b[^;&|\n]*\s(?:dist-|full-|safe-)?upgrade\b|\bapk\b[^;&|\n]*\supgrade\b|\b(?:dnf|microdnf|tdnf|yum)\b[^;&|\n]*\s(?:update|upgrade)\b|\bzypper\b[^;&|\n]*\s(?:update|up|patch|dup|dist-upgrade)\b/;

/**
 * Which packages of its base a build of the target brings up to date, by name: those that it asks for, or all. What came with the base and is not among them stays as old as the base is, however
 * often the image is built.
 */
export function renewedPackages(parsed: ParsedDockerfile): (name: string) => boolean {
  const words = new Set<string>();
  for (let stage = parsed.stages[parsed.target]; stage !== undefined; stage = below(parsed, stage)) {
    for (const instruction of stage.instructions) {
      if (!usesPackageIndex(instruction)) continue;
      const said = [instruction.text, ...instruction.heredocs].join("\n");
      if (upgradesAll.test(said)) return () => true;
      for (const word of said.split(/[^a-z0-9.+-]+/)) words.add(word);
    }
  }
  return (name) => words.has(name);
}

function below({ stages }: ParsedDockerfile, { base }: Stage): Stage | undefined {
  return base.kind === "stage" ? stages[base.stage] : undefined;
}
