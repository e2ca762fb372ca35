import { compareText } from "./compare-text.ts";
import { orderByParents } from "./order-by-parents.ts";
import type { ImageName } from "./types.ts";

/** An image and what it is made of. */
export interface GraphImage {
  readonly name: ImageName;
  readonly parents: readonly ImageName[];
  /** Upstreams that it is made of by itself: suites and bases of others. */
  readonly upstreams: readonly string[];
}

/** A ring of images that are each other's parents, beginning with the first of their names; undefined where there is none. */
export function findRing(images: readonly Pick<GraphImage, "name" | "parents">[]): ImageName[] | undefined {
  const parentsOf = new Map(images.map(({ name, parents }) => [name, parents]));
  const done = new Set<ImageName>();
  for (const first of [...parentsOf.keys()].sort(compareText)) {
    const way: { readonly name: ImageName; next: number }[] = [{ name: first, next: 0 }];
    const onWay = new Set([first]);
    for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
      const parent = parentsOf.get(top.name)?.[top.next];
      top.next += 1;
      if (parent === undefined) {
        done.add(top.name);
        onWay.delete(top.name);
        way.pop();
      } else if (onWay.has(parent)) {
        return fromFirst(way.slice(way.findIndex(({ name }) => name === parent)).map(({ name }) => name));
      } else if (!done.has(parent) && parentsOf.has(parent)) {
        way.push({ name: parent, next: 0 });
        onWay.add(parent);
      }
    }
  }
  return undefined;
}

/** The same ring, turned so that its first name by order comes first. */
function fromFirst(ring: ImageName[]): ImageName[] {
  const [least] = ring.toSorted(compareText);
  const at = ring.indexOf(least ?? "");
  return [...ring.slice(at), ...ring.slice(0, at)];
}

/** Every image that a change of `node`, an image or an upstream, reaches: parents before children. The node itself is not among them. */
export function reachedBy(images: readonly GraphImage[], node: string): ImageName[] {
  const reached = new Set<string>([node]);
  return orderByParents(images).flatMap(({ name, parents, upstreams }) => {
    if (name === node || ![...parents, ...upstreams].some((one) => reached.has(one))) return [];
    reached.add(name);
    return [name];
  });
}
