import type { ImageConfig } from "../../image/index.ts";
import type { Tree } from "../tree.ts";

/** What the checks of structure look at: the merged tree of one platform and the config it runs with. */
export interface StructureSubject {
  readonly tree: Tree;
  readonly config: ImageConfig["config"];
}

/** Something in an image that would not work, or should not be there. */
export interface StructureFinding {
  /** The file it is about. */
  readonly path: string;
  /** What is wrong, without the path: with it, what makes a finding the same one in two images. */
  readonly detail: string;
  /** Set where the image as a whole would not work because of it: it fails no matter who shipped the file, unless production runs with it. */
  readonly fatal?: true;
}

/** One check of structure: the findings in `subject`, in no promised order. Pure, never throws. */
export type StructureCheck = (subject: StructureSubject) => StructureFinding[];

/** Findings reported of one check; more are only counted. */
export const maxShown = 20;
