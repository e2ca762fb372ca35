import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { OpenFleet } from "../faults/small-fleet.ts";
import { run } from "./signed-fleet.ts";

/** Exports the evidence of what an image's last environment runs, and unpacks it into `folder/name`, which it gives. */
export async function unpackExport(
  { operations }: Pick<OpenFleet, "operations">,
  image: string,
  folder: string,
  name: string,
): Promise<string> {
  const to = join(folder, `${name}.tar`);
  await operations.evidenceExport({ image, to });
  const into = join(folder, name);
  await mkdir(into);
  await run("tar", ["-xf", to, "-C", into]);
  return into;
}

/** The blocks of an export's README that a person would run. */
export async function readBlocks(from: string): Promise<string[]> {
  const text = await readFile(join(from, "README.md"), "utf8");
  return [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
}
