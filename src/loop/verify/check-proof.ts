import { formatPlatform } from "../../core/image/index.ts";
import type { Inventory } from "../../core/inventory/index.ts";
import type { Cause } from "../../core/plan/index.ts";
import { compareDebText } from "../../core/version/index.ts";
import type { CheckResult } from "./types.ts";

/** Whether each cause had its effect in what the candidate really holds; a message names package, platform and layer. */
export function checkProof(
  causes: readonly Cause[],
  inventory: Inventory,
  _before: Inventory | undefined,
): Pick<CheckResult, "verdict" | "messages"> {
  const platform = formatPlatform(inventory.platform);
  const messages: string[] = [];
  for (const cause of causes) {
    if (cause.kind !== "package") continue;
    if (inventory.status === "unknown") messages.push(`${platform}: ${inventory.problems.join("; ")}`);
    for (const { name, architecture, to } of cause.packages) {
      const held = inventory.packages.find((entry) => entry.name === name && entry.architecture === architecture);
      if (held === undefined || to === undefined) continue;
      if (compareDebText(held.version, to) >= 0) continue;
      messages.push(`${platform}: ${name} is ${held.version}, not at least ${to}, in layer ${held.layer}`);
    }
  }
  return { verdict: messages.length > 0 ? "failed" : "passed", messages };
}
