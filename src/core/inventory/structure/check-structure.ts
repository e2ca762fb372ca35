import { printable } from "../../../lib/index.ts";
import type { StructureCheck, StructureFinding, StructureSubject } from "./structure-check.ts";
import { maxShown } from "./structure-check.ts";
import { lookup } from "../tree.ts";
import { checkElfNeeds } from "./elf-needs.ts";
import { checkEntrypoint } from "./entrypoint.ts";
import { checkLinks } from "./links.ts";
import { readOwnership, type Ownership } from "./ownership.ts";
import { checkSetId, isDistroSetId } from "./set-id.ts";
import { checkShebangs } from "./shebangs.ts";
import { checkUser } from "./user.ts";

/** Every check of structure. Another one is: a file, a line here, a test. */
export const structureChecks = {
  entrypoint: checkEntrypoint,
  user: checkUser,
  "elf-needs": checkElfNeeds,
  links: checkLinks,
  shebangs: checkShebangs,
  "set-id": checkSetId,
} satisfies Record<string, StructureCheck>;

export type StructureCheckName = keyof typeof structureChecks;

export interface StructureResult {
  readonly name: StructureCheckName;
  readonly verdict: "passed" | "failed" | "warned";
  /** One sentence a finding, failing ones first, at most 20 of each kind and then their number. */
  readonly messages: readonly string[];
}

/**
 * All checks of `subject`. A finding fails where it stops the image from working, where `previous` (what production runs
 * now) has the file without the finding, or where nobody shipped the file; it warns where `previous` has the same finding
 * or the distribution ships the file as it is.
 */
export function checkStructure(subject: StructureSubject, previous: StructureSubject | undefined): StructureResult[] {
  const ownership = once(() => readOwnership(subject.tree));
  return Object.entries(structureChecks).map(([name, check]) => {
    const findings = check(subject);
    const before = findings.length === 0 || previous === undefined ? undefined : check(previous);
    const failing: string[] = [];
    const warning: string[] = [];
    for (const finding of findings) {
      const reason = excuseFor(name as StructureCheckName, finding, { before, previous, ownership });
      if (reason === undefined) failing.push(`${finding.path}: ${finding.detail}`);
      else warning.push(`${finding.path}: ${finding.detail} (${reason})`);
    }
    const verdict = failing.length > 0 ? "failed" : warning.length > 0 ? "warned" : "passed";
    return {
      name: name as StructureCheckName,
      verdict,
      messages: [...shorten(failing), ...shorten(warning)].map(shown),
    };
  });
}

interface Grading {
  readonly before: readonly StructureFinding[] | undefined;
  readonly previous: StructureSubject | undefined;
  readonly ownership: () => Ownership;
}

/** Why a finding only warns; undefined where it fails. */
function excuseFor(name: StructureCheckName, finding: StructureFinding, grading: Grading): string | undefined {
  const { before, previous, ownership } = grading;
  const isOld = before?.some(({ path, detail }) => path === finding.path && detail === finding.detail) === true;
  if (isOld) return "as in production now";
  if (finding.fatal === true) return undefined;
  const owner = ownership().shippedBy(finding.path);
  if (owner === undefined) return undefined;
  if (name === "set-id") return isDistroSetId(finding.path) ? `as ${owner} ships it` : undefined;
  const isNew = previous === undefined || lookup(previous.tree, finding.path, false).kind !== "found";
  const isDocumentation = finding.path.startsWith("usr/share/");
  return isNew || (name === "links" && isDocumentation) ? `as ${owner} ships it` : undefined;
}

function shorten(messages: readonly string[]): string[] {
  if (messages.length <= maxShown) return [...messages];
  return [...messages.slice(0, maxShown), `and ${messages.length - maxShown} more`];
}

/** Paths come from the image: nothing of them may steer a terminal. */
function shown(text: string): string {
  return printable(text.slice(0, 1000));
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
