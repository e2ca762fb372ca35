import { provePackages, type Tree } from "../../core/inventory/index.ts";
import type { PackageChange } from "../../core/plan/index.ts";
import type { CheckResult } from "./types.ts";

const maxMessages = 20;

/** Whether the bytes are those of the packages that changed: a database that says "fixed" over old files fails. A package that lists no digests of its own only warns. */
export function checkBytes(
  tree: Tree,
  changes: readonly PackageChange[],
  previous: Tree | undefined,
): Pick<CheckResult, "verdict" | "messages"> {
  const truths = provePackages(tree, changes, previous);
  const lies = truths.flatMap((truth) =>
    truth.kind === "false" ? truth.problems.map((problem) => `${truth.name}: ${problem}`) : [],
  );
  const unproven = truths.flatMap((truth) => (truth.kind === "unproven" ? [`${truth.name}: ${truth.reason}`] : []));
  const verdict = lies.length > 0 ? "failed" : unproven.length > 0 ? "warned" : "passed";
  const messages = [...lies, ...unproven];
  const more = messages.length - maxMessages;
  return { verdict, messages: more > 0 ? [...messages.slice(0, maxMessages), `and ${more} more`] : messages };
}
