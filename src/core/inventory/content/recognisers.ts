import type { ContentRecogniser } from "./content-recogniser.ts";
import { jarRecogniser } from "./jar.ts";
import { npmRecogniser } from "./npm.ts";
import { pypiRecogniser } from "./pypi.ts";
import { createRpmRecogniser } from "./rpm.ts";

/** Every format of languages' packages that is known by the path of its files. Another one is: a file, a line here, a test. Programs are recognised by their first bytes: `readGoBuildInfo`. */
const ofLanguages = {
  npm: npmRecogniser,
  pypi: pypiRecogniser,
  jar: jarRecogniser,
} satisfies Record<string, ContentRecogniser>;

/** Those, and the databases of distributions that are no text. */
export const contentRecognisers = {
  ...ofLanguages,
  rpm: createRpmRecogniser((path) => Object.values(ofLanguages).some((one) => one.matches(path))),
} satisfies Record<string, ContentRecogniser>;

const all: readonly ContentRecogniser[] = Object.values(contentRecognisers);

/** Who reads the file at `path`; undefined where nobody does. */
export function recogniserOf(path: string): ContentRecogniser | undefined {
  for (const one of all) if (one.matches(path)) return one;
  return undefined;
}
