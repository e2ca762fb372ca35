import type { ContentRecogniser } from "./content-recogniser.ts";
import { npmRecogniser } from "./npm.ts";
import { pypiRecogniser } from "./pypi.ts";

/** Every format of files that tell of packages by their path. Another one is: a file, a line here, a test. Programs are recognised by their first bytes: `readGoBuildInfo`. */
export const contentRecognisers = {
  npm: npmRecogniser,
  pypi: pypiRecogniser,
} satisfies Record<string, ContentRecogniser>;

const all: readonly ContentRecogniser[] = Object.values(contentRecognisers);

/** Who reads the file at `path`; undefined where nobody does. */
export function recogniserOf(path: string): ContentRecogniser | undefined {
  for (const one of all) if (one.matches(path)) return one;
  return undefined;
}
