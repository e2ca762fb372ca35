/** Links that lead to links; kernels go 40 deep and builders 255. */
const mostDeep = 255;
const longestPath = 4096;
/** Characters of paths that are looked at, all links together. */
const mostWork = 100_000_000;

const outside = Symbol("outside");

/** A path of the tree; undefined for what cannot be there. */
type Place = string | undefined | typeof outside;

/**
 * A link that leads out of the tree, links on its way resolved; undefined where there is none. `links` are the links of the tree and their targets; what is not
 * among them is a file, a folder, or not there, and counts by its name. A link that turns in circles leads nowhere; links that are made to take long count as
 * stray.
 */
export function findStrayLink(links: ReadonlyMap<string, string>): string | undefined {
  let work = 0;
  const places = new Map<string, Place>();
  const resolve = (link: string, target: string, depth: number): Place => {
    if (places.has(link)) return places.get(link);
    if (depth > mostDeep) return outside;
    // Whoever comes here again before it is known has gone in a circle.
    places.set(link, undefined);
    const place = follow(parentOf(link), target, depth);
    places.set(link, place);
    return place;
  };
  const follow = (from: string, target: string, depth: number): Place => {
    if (target.startsWith("/")) return outside;
    let at = from;
    for (const part of target.split("/")) {
      if (part === "" || part === ".") continue;
      if (part === "..") {
        if (at === "") return outside;
        at = parentOf(at);
        continue;
      }
      at = at === "" ? part : `${at}/${part}`;
      if (at.length > longestPath) return undefined;
      if ((work += at.length) > mostWork) return outside;
      const next = links.get(at);
      if (next === undefined) continue;
      const place = resolve(at, next, depth + 1);
      if (typeof place !== "string") return place;
      at = place;
    }
    return at;
  };
  for (const [link, target] of links) if (resolve(link, target, 0) === outside) return link;
  return undefined;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}
