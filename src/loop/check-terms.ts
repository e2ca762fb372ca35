import { canonicalJson, sha256, type Digest } from "../lib/index.ts";
import type { Context } from "./context.ts";

/** Under which terms an image is checked: its recipe, and all checks that it must pass. What broke them is tried again under others. */
export function checkTerms({ config }: Pick<Context, "config">, image: string, recipeKey: string): Digest {
  const own = config.images[image]?.checks ?? [];
  const places = config.environments.map(({ name, checks }) => ({ name, checks }));
  return sha256(canonicalJson({ recipeKey, own, places }));
}
