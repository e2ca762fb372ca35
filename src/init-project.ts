import { link, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { randomUUID } from "node:crypto";
import { parseConfig } from "./core/config/index.ts";
import { draftConfig, readProject } from "./core/init/index.ts";
import { scanProject } from "./io/project/index.ts";
import { AppError, messageOf, writeFileDurable } from "./lib/index.ts";
import type { InitRequest, InitView } from "./operation/index.ts";

/**
 * Writes a commented `tidemill.yaml` for what a folder builds and runs. Throws ALREADY_THERE where there is one: it is never changed. What is written is a configuration without mistakes, unless
 * nothing was found that could be kept fresh.
 */
export async function initProject({ folder, write }: InitRequest): Promise<InitView> {
  const project = await scanProject(folder);
  const found = readProject(project);
  const text = draftConfig(project, found);
  const hasImages = found.images.length > 0 || found.others.length > 0;
  const parsed = parseConfig(text, {});
  if (hasImages && parsed.kind === "invalid") {
    const [first] = parsed.problems;
    throw new AppError(
      "INIT_FAILED",
      `what was found makes no configuration: ${first?.path ?? ""}: ${first?.message ?? ""}`,
      {
        hint: "Begin with an example of docs/recipes.md, and tell us of this folder.",
      },
    );
  }
  const path = join(resolve(folder), "tidemill.yaml");
  if (write) await writeNew(path, text);
  const images = found.images.map(({ name }) => name);
  return {
    path,
    text,
    written: write,
    images,
    others: found.others.map(({ reference }) => reference),
    problems: [...found.problems],
  };
}

/** Writes a file that is not there yet, whole or not at all. */
async function writeNew(path: string, text: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await writeFileDurable(aside, text);
    await link(aside, path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST")
      throw new AppError("ALREADY_THERE", `${path} is there already`, {
        hint: "`tidemill init --print` shows what would be written.",
      });
    throw new AppError("INIT_FAILED", `${path} cannot be written: ${messageOf(error)}`, { cause: error });
  } finally {
    await rm(aside, { force: true });
  }
}
