import { AppError, type ErrorDetail } from "../../../lib/index.ts";

type BuildCode =
  | "BUILD_FAILED"
  | "BUILD_TIMEOUT"
  | "OUT_OF_MEMORY"
  | "DISK_FULL"
  | "BAD_DOCKERFILE"
  | "BASE_NOT_FOUND"
  | "BASE_UNAVAILABLE"
  | "ENGINE_UNAVAILABLE"
  | "NOT_SUPPORTED"
  | "BAD_SECRET"
  | "SECRET_LEAKED"
  | "BAD_RESULT"
  | "ABORTED";

/** Where a build stopped. */
export interface FailedStep {
  /** Line of the user's Dockerfile, counting from 1. */
  readonly line: number | undefined;
  readonly words: string;
}

/**
 * Why a build has no result. BUILD_FAILED: a step ended badly. BAD_DOCKERFILE: the engine cannot read it. BASE_NOT_FOUND:
 * a registry does not have an image that is named; BASE_UNAVAILABLE: it does not answer, or refuses. NOT_SUPPORTED: this
 * engine cannot do what is asked. BAD_RESULT: what the engine made is no image. SECRET_LEAKED: a secret is in the image.
 */
export class BuildError extends AppError<BuildCode> {
  readonly step: FailedStep | undefined;
  /** The last lines of output. */
  readonly tail: readonly string[];

  constructor(
    code: BuildCode,
    message: string,
    detail: ErrorDetail & { readonly step?: FailedStep | undefined; readonly tail?: readonly string[] } = {},
  ) {
    super(code, message, detail);
    this.step = detail.step;
    this.tail = detail.tail ?? [];
  }
}
