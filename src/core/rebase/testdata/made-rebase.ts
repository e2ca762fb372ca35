import { emptyTree, extendTree, type LayerFacts, type Tree } from "../../inventory/index.ts";
import { makeLayer, type Sketch } from "../../inventory/testdata/make-layer.ts";
import type { ImageConfig } from "../../image/index.ts";
import { compareBases, planRebase, rebaseConfig, type RebasePlan } from "../index.ts";

/** An old base, a new one, and what the application puts on the old one. */
export interface MadeRebase {
  readonly old: readonly Sketch[];
  readonly base: readonly Sketch[];
  readonly app: readonly Sketch[];
  /** What the application's layer hides. */
  readonly hide?: Partial<LayerFacts>;
  readonly configs?: {
    readonly old?: ImageConfig["config"];
    readonly base?: ImageConfig["config"];
    readonly image?: ImageConfig["config"];
  };
}

/** The plan for sketches of one layer each. */
export function planMade({ old, base, app, hide, configs = {} }: MadeRebase): RebasePlan {
  const layers = { old: makeLayer("old", old), base: makeLayer("base", base), app: makeLayer("app", app, hide) };
  const sideOf = (tree: Tree, config: ImageConfig["config"], ids: readonly LayerFacts[]) => ({
    tree,
    config: configOf(
      config,
      ids.map(({ diffId }) => diffId),
    ),
  });
  const was = sideOf(stack(layers.old), configs.old, [layers.old]);
  const now = sideOf(stack(layers.base), configs.base, [layers.base]);
  const image = sideOf(stack(layers.old, layers.app), configs.image ?? configs.old, [layers.old, layers.app]);
  const config = rebaseConfig(image.config, was.config, now.config, { from: 1, leaveLast: false });
  return planRebase({ bases: compareBases(was, now), image, result: { tree: extendTree(now.tree, layers.app), config } });
}

/** The tree of layers, the lowest first. */
export function stack(...layers: readonly LayerFacts[]): Tree {
  return layers.reduce(extendTree, emptyTree);
}

/** A config around what a container runs. */
export function configOf(
  config: ImageConfig["config"],
  diffIds: ImageConfig["rootfs"]["diff_ids"],
  more: Partial<ImageConfig> = {},
): ImageConfig {
  return {
    os: "linux",
    architecture: "amd64",
    ...(config === undefined ? {} : { config }),
    rootfs: { type: "layers", diff_ids: diffIds },
    ...more,
  };
}

/** dpkg's status of packages, `name version` each, with more fields after a semicolon: `a 1; Depends: b`. */
export function statusOf(...packages: readonly string[]): string {
  return packages
    .map((each) => {
      const [head = "", ...fields] = each.split("; ");
      const [name = "", version = ""] = head.split(" ");
      const more = fields.map((field) => `${field}\n`).join("");
      const status = more.includes("Status:") ? "" : "Status: install ok installed\n";
      return `Package: ${name}\n${status}Architecture: amd64\nVersion: ${version}\n${more}\n`;
    })
    .join("");
}

/** The codes of a refusal, each once and in order; none for a plan. */
export function codesOf(plan: RebasePlan): string[] {
  return plan.kind === "refused" ? [...new Set(plan.reasons.map(({ code }) => code))].sort() : [];
}

/** What a plan's merge layer has at `path`, as text. */
export function mergedText(plan: RebasePlan, path: string): string | undefined {
  if (plan.kind !== "rebase") throw new Error(JSON.stringify(plan));
  const file = plan.merge?.files.find((each) => each.path === path);
  return file === undefined ? undefined : Buffer.concat([...file.pieces]).toString("utf8");
}
