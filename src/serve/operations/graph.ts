import { packagesImage, sourceOf } from "../../core/config/index.ts";
import { reachedBy, type GraphImage } from "../../core/plan/index.ts";
import type { Context } from "../../loop/context.ts";
import { loadSources, type FoundSource } from "../../loop/plan/index.ts";
import { baseUpstream } from "../../loop/sources.ts";
import { OperationError, type Graph, type OperationHandlers } from "../../operation/index.ts";

type Node = Graph["nodes"][number];
type Kind = Node["kind"];

/** `graph`: what every image is made of by its recipe as it is now, and what a change of any node reaches. Throws NOT_FOUND for a node that there is not. */
export function createGraph(ctx: Context): OperationHandlers["graph"] {
  return async ({ node }) => {
    const sources = await loadSources(ctx);
    const declared = await ctx.store.loadImages();
    const kinds = new Map<string, Kind>();
    const images = Object.keys(ctx.config.images).map((name): GraphImage => {
      const parents = declared.find((one) => one.name === name)?.parents ?? [];
      return { name, ...madeOf(ctx, name, sources.get(name), parents, kinds) };
    });
    for (const { name } of images) kinds.set(name, "image");
    const nodes = [...kinds].sort(byKindAndName).map(([name, kind]): Node => ({
      name,
      kind,
      from: images.filter((one) => one.name === name).flatMap(({ parents, upstreams }) => [...upstreams, ...parents]),
      reaches: reachedBy(images, name),
    }));
    if (node === undefined) return { nodes };
    const found = nodes.filter(({ name }) => name === node);
    if (found.length === 0)
      throw new OperationError("NOT_FOUND", `no image is ${node} or is made of it`, {
        hint: "`tidemill graph` shows all there is.",
      });
    return { nodes: found };
  };
}

function madeOf(
  ctx: Context,
  name: string,
  found: FoundSource | undefined,
  before: readonly string[],
  kinds: Map<string, Kind>,
): Pick<GraphImage, "parents" | "upstreams"> {
  const image = ctx.config.images[name];
  const upstreams: string[] = [];
  const note = (upstream: string, kind: Kind): void => {
    upstreams.push(upstream);
    kinds.set(upstream, kind);
  };
  const parent = packagesImage(ctx.config, name)?.parent;
  // What has a parent stands on the suites through that.
  if (image?.upstream !== undefined && parent === undefined) note(image.upstream, "suites");
  if (image?.recipe === "upstream") note(baseUpstream(image.from), "base");
  const git = sourceOf(image)?.git;
  if (git !== undefined) note(`${git.url}#${git.ref}`, "git");
  if (parent !== undefined) return { parents: [parent], upstreams };
  if (found === undefined) return { parents: [], upstreams };
  if (found.kind === "broken") return { parents: before, upstreams };
  const { uses } = found.source;
  for (const use of uses) if (use.own === undefined) note(use.key, "base");
  return { parents: [...new Set(uses.flatMap(({ own }) => own ?? []))].sort(), upstreams };
}

const order: readonly Kind[] = ["suites", "base", "git", "image"];

function byKindAndName([a, one]: readonly [string, Kind], [b, other]: readonly [string, Kind]): number {
  return order.indexOf(one) - order.indexOf(other) || (a < b ? -1 : a > b ? 1 : 0);
}
