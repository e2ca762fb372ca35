import type { CheckConfig } from "../../core/config/index.ts";
import type { ImageSource } from "../../core/image/index.ts";
import { checkExpected, lookup } from "../../core/inventory/index.ts";
import { readFiles, type PlatformImage } from "../../io/layer/index.ts";
import { printable } from "../../lib/index.ts";
import type { CheckResult } from "./types.ts";

type StructureCheck = Extract<CheckConfig, { structure: unknown }>;
type Outcome = Pick<CheckResult, "verdict" | "messages">;

const mostMessages = 20;

/** Holds files and config of one platform of the candidate to what is expected of them; contents are read only where somebody asks for them. Throws what reading a layer throws. */
export async function checkStructure(
  { structure }: StructureCheck,
  source: ImageSource,
  image: PlatformImage,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const wrong = checkExpected({ tree: image.tree, config: image.config.config }, structure);
  const wanted = structure.files.filter(
    ({ path, contains, lacks }) =>
      (contains !== undefined || lacks !== undefined) && lookup(image.tree, path, true).kind === "found",
  );
  if (wanted.length > 0) {
    // The engine of their expressions is large, and few ask for them.
    const { judgeContents } = await import("../../core/structure-tests/index.ts");
    const paths = wanted.map(({ path }) => path);
    wrong.push(...judgeContents(wanted, await readFiles(source, image, paths, signal)));
  }
  const messages = wrong.slice(0, mostMessages).map((one) => printable(one.slice(0, 1000)));
  if (wrong.length > mostMessages) messages.push(`and ${wrong.length - mostMessages} more`);
  return { verdict: wrong.length > 0 ? "failed" : "passed", messages };
}
