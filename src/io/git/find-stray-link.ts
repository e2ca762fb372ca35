const mostHops = 255;
const mostSteps = 20_000_000;

/**
 * A link that leads out of the tree, links on its way resolved; undefined where there is none. `links` are the links of the tree and their targets; what is not
 * among them is a file, a folder, or not there, and counts by its name. A link that turns in circles leads nowhere.
 */
export function findStrayLink(links: ReadonlyMap<string, string>): string | undefined {
  let steps = 0;
  for (const link of links.keys()) {
    const at: string[] = [];
    const open = link.split("/").reverse();
    for (let part = open.pop(), hops = 0; part !== undefined; part = open.pop()) {
      // Links that are made to take long are not waited for.
      if ((steps += 1) > mostSteps) return link;
      if (part === "" || part === ".") continue;
      if (part === "..") {
        if (at.pop() === undefined) return link;
        continue;
      }
      at.push(part);
      const target = links.get(at.join("/"));
      if (target === undefined) continue;
      if (target.startsWith("/")) return link;
      // No kernel and no builder goes further.
      if ((hops += 1) > mostHops) break;
      at.pop();
      open.push(...target.split("/").reverse());
    }
  }
  return undefined;
}
