import { AppError } from "../../lib/index.ts";

type DockerfileCode =
  | "TOO_LARGE"
  | "NOT_TEXT"
  | "BAD_DOCKERFILE"
  | "BAD_EXPANSION"
  | "NO_VALUE"
  | "UNKNOWN_STAGE"
  | "STAGE_CYCLE"
  | "NOT_PINNED";

/** Where in a Dockerfile something stands; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * What is wrong with a Dockerfile, and where: TOO_LARGE and NOT_TEXT before it is read, BAD_DOCKERFILE for its grammar,
 * BAD_EXPANSION and NO_VALUE for a variable in an image's name, UNKNOWN_STAGE and STAGE_CYCLE for its stages, NOT_PINNED
 * for a reference that has no digest or cannot carry one.
 */
export class DockerfileError extends AppError<DockerfileCode> {
  readonly place: Place | undefined;

  constructor(code: DockerfileCode, message: string, place?: Place, hint?: string) {
    const where = place === undefined ? "Dockerfile" : `Dockerfile, line ${place.line}, column ${place.column}`;
    super(code, `${where}: ${message}`, hint === undefined ? {} : { hint });
    this.place = place;
  }
}
