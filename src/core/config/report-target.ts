import { addressOfForge, type ForgeKind } from "./address-of-forge.ts";
import type { Mistake } from "./mistake.ts";
import type { Config } from "./schema.ts";

/** Where what becomes of the commits of an image is said. */
export interface ReportTarget {
  readonly kind: ForgeKind;
  readonly api: string;
  readonly repository: string;
  readonly statuses: boolean;
  readonly deployments: boolean;
}

/** Where it is said of an image; undefined where nobody asked for it. */
export function reportTargetOf(config: Pick<Config, "images">, image: string): ReportTarget | undefined {
  const declared = config.images[image];
  if (declared?.recipe !== "dockerfile" || declared.report === undefined || declared.git === undefined)
    return undefined;
  const { provider: kind, statuses, deployments, ...said } = declared.report;
  const found = addressOfForge(kind, declared.git.url);
  const api = said.api ?? found?.api;
  const repository = said.repository ?? found?.repository;
  return api === undefined || repository === undefined ? undefined : { kind, api, repository, statuses, deployments };
}

/** Reports need a commit, and the address of its forge. */
export function checkReports(config: Config): Mistake[] {
  return Object.entries(config.images).flatMap(([name, image]): Mistake[] => {
    if (image.recipe !== "dockerfile" || image.report === undefined) return [];
    const path = ["images", name, "report"];
    if (image.git === undefined)
      return [{ path, message: "a folder has no commits", hint: "It is for images that are built from `git:`." }];
    if (reportTargetOf(config, name) !== undefined) return [];
    return [{ path, message: "`git.url:` names no repository of a forge: say `api:` and `repository:` here" }];
  });
}
