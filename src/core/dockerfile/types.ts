import type { Reference } from "../image/index.ts";
import type { Place } from "./error.ts";
import type { Instruction } from "./read-instructions.ts";

/** How a Dockerfile names an image: the base of a stage, a source of files, or the frontend that reads it. */
export type UseKind = "from" | "copy" | "add" | "mount" | "syntax";

/** One place of a Dockerfile that names an image outside it. */
export interface ImageUse {
  readonly kind: UseKind;
  /** With its variables replaced, as the builder will ask for it. */
  readonly name: string;
  readonly reference: Reference;
  /** Index of the stage it is in; undefined for the frontend. */
  readonly stage: number | undefined;
  /** `--platform` of a FROM with its variables replaced; undefined where the build's own platform is meant. */
  readonly platform: string | undefined;
  /** Whether what is built needs it. A builder may read it all the same: stages that nothing needs are built by some. */
  readonly needed: boolean;
  readonly place: Place;
  /** Where it is written in the file. */
  readonly start: number;
  readonly end: number;
}

/** A stage: FROM and what follows it. */
export interface Stage {
  readonly index: number;
  /** In lower case; undefined where it has none. */
  readonly name: string | undefined;
  /** Another stage, an image, or nothing (`scratch`). */
  readonly base:
    | { readonly kind: "stage"; readonly stage: number }
    | { readonly kind: "image"; readonly name: string }
    | { readonly kind: "scratch" };
  readonly needed: boolean;
  readonly instructions: readonly Instruction[];
}

/** What a Dockerfile is made of, for one target and one set of build arguments. */
export interface ParsedDockerfile {
  readonly stages: readonly Stage[];
  /** Index of the stage that becomes the image. */
  readonly target: number;
  /** Every image that is named, in the order of the file, also in stages that the target does not need. */
  readonly images: readonly ImageUse[];
  /** What the image stands on: the FROM at the end of the target's chain; undefined where that is `scratch`. */
  readonly base: ImageUse | undefined;
}

/** What a Dockerfile is read with. */
export interface DockerfileInput {
  /** Name or number of the stage to build; the last one without it. */
  readonly target?: string;
  readonly args?: Readonly<Record<string, string>>;
  /** `linux/amd64`: what TARGETPLATFORM and its parts stand for. */
  readonly platform?: string;
  /** What BUILDPLATFORM stands for; `platform` without it. */
  readonly buildPlatform?: string;
}
