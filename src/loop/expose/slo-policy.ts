import type { Config } from "../../core/config/index.ts";
import { presetRules, type Framework, type SloPolicy, type SloRule } from "../../core/exposure/index.ts";

/** The deadlines of a configuration: every preset is judged, what it names is watched. */
export function sloPolicy({ slo, environments }: Config): SloPolicy {
  const where = slo.environments ?? environments.slice(-1).map(({ name }) => name);
  const own = slo.rules.map((rule): SloRule => ({
    ...rule,
    framework: "own",
    environments: rule.environments ?? where,
  }));
  const watched: Framework[] = [...slo.presets, "own"];
  return { rules: [...presetRules(where), ...own], watched: new Set(watched), warn: slo.warn };
}
