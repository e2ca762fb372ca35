import { compareText } from "./compare-text.ts";
import type { ImageName } from "./types.ts";

interface Placed {
  readonly name: ImageName;
  readonly parent: ImageName | undefined;
}

/** The images with every parent before its children, otherwise by name. A parent that is not among them, or a cycle, counts as no parent. */
export function orderByParents<T extends Placed>(images: readonly T[]): T[] {
  const byName = new Map(images.map((image) => [image.name, image]));
  const ordered: T[] = [];
  const seen = new Set<ImageName>();
  for (const image of [...images].sort((a, b) => compareText(a.name, b.name))) {
    const way: T[] = [];
    for (let at: T | undefined = image; at !== undefined && !seen.has(at.name);) {
      seen.add(at.name);
      way.push(at);
      at = at.parent === undefined ? undefined : byName.get(at.parent);
    }
    ordered.push(...way.reverse());
  }
  return ordered;
}
