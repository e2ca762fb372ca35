import { compareText } from "./compare-text.ts";
import type { ImageName } from "./types.ts";

interface Placed {
  readonly name: ImageName;
  readonly parents: readonly ImageName[];
}

/** The images with every parent before its children, otherwise by name. A parent that is not among them, or that closes a ring, counts as none. */
export function orderByParents<T extends Placed>(images: readonly T[]): T[] {
  const byName = new Map(images.map((image) => [image.name, image]));
  const ordered: T[] = [];
  const seen = new Set<ImageName>();
  for (const first of [...images].sort((a, b) => compareText(a.name, b.name))) {
    if (seen.has(first.name)) continue;
    seen.add(first.name);
    const way = [{ image: first, next: 0 }];
    for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
      const name = top.image.parents[top.next];
      top.next += 1;
      if (name === undefined) {
        ordered.push(top.image);
        way.pop();
      } else if (!seen.has(name)) {
        const parent = byName.get(name);
        seen.add(name);
        if (parent !== undefined) way.push({ image: parent, next: 0 });
      }
    }
  }
  return ordered;
}
