import { AppError, messageOf, printable } from "../../lib/index.ts";
import type { Doctor } from "../../operation/index.ts";

/** What was found of one part. */
export type Diagnosis = Doctor["checks"][number];

/** One part to look at; more than one finding where it is made of several. */
export interface Part {
  readonly name: string;
  readonly look: (signal: AbortSignal) => Promise<Diagnosis | readonly Diagnosis[]>;
}

export function well(name: string, message: string): Diagnosis {
  return { name, state: "ok", message: printable(message), hint: null };
}

export function warn(name: string, message: string, hint: string): Diagnosis {
  return { name, state: "warning", message: printable(message), hint };
}

export function fail(name: string, message: string, hint: string): Diagnosis {
  return { name, state: "failed", message: printable(message), hint };
}

/** What went wrong, with the hint that it brought, else `hint`. */
export function failedBy(name: string, error: unknown, hint: string): Diagnosis {
  return fail(name, messageOf(error), (error instanceof AppError ? error.hint : undefined) ?? hint);
}

/** Looks at a part for at most `ms`; whatever goes wrong is a finding. */
export async function lookAt(part: Part, ms: number): Promise<readonly Diagnosis[]> {
  const abort = new AbortController();
  const late = new Promise<readonly Diagnosis[]>((resolve) => {
    const timer = setTimeout(() => {
      resolve([
        fail(part.name, `it has not answered for ${ms / 1000} s`, "Look whether it runs, and what it waits for."),
      ]);
      abort.abort(new Error("the doctor waits no longer"));
    }, ms);
    abort.signal.addEventListener("abort", () => clearTimeout(timer));
  });
  const found = part
    .look(abort.signal)
    .catch((error: unknown) => failedBy(part.name, error, "The log of the process says more."));
  try {
    return [await Promise.race([found, late])].flat();
  } finally {
    abort.abort();
  }
}
