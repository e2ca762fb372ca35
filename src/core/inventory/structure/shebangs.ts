import type { StructureCheck, StructureFinding } from "./structure-check.ts";
import { lookup, walkTree } from "../tree.ts";
import { findEntrypoint, findProgram } from "./entrypoint.ts";

const maxFindings = 1000;

/** The interpreter of every executable script exists; for `env NAME`, NAME is found in PATH. Fatal for the entrypoint. execve(2), Interpreter scripts. */
export const checkShebangs: StructureCheck = (subject) => {
  const started = findEntrypoint(subject)?.node.entry;
  const known = new Map<string, string | undefined>();
  const findings: StructureFinding[] = [];
  const missing = (line: string): string | undefined => {
    const [interpreter = "", ...words] = line.trim().split(/\s+/);
    if (lookup(subject.tree, interpreter).kind !== "found") return interpreter;
    if (!interpreter.endsWith("/env")) return undefined;
    const program = words.find((word) => !word.startsWith("-") && !word.includes("="));
    if (program === undefined || findProgram(subject.tree, program, subject.config ?? {}) !== undefined)
      return undefined;
    return program;
  };
  for (const [path, { entry }] of walkTree(subject.tree)) {
    if (entry.shebang === undefined || (entry.mode & 0o111) === 0 || findings.length >= maxFindings) continue;
    if (!known.has(entry.shebang)) known.set(entry.shebang, missing(entry.shebang));
    const program = known.get(entry.shebang);
    if (program === undefined) continue;
    const fatal = entry === started ? ({ fatal: true } as const) : {};
    findings.push({ path, detail: `its interpreter ${program} is not in the image`, ...fatal });
  }
  return findings;
};
