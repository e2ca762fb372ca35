import { AppError } from "../../lib/index.ts";

/** What is wrong with package metadata: its control syntax, a relation, a stanza that lacks what it must have, or its size. */
export class PackagesError extends AppError<"BAD_CONTROL" | "BAD_RELATION" | "BAD_STANZA" | "TOO_LARGE"> {}
