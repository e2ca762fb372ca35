import type { Dependant } from "./types.ts";

/** Who asks for a package, before it is known for which version. */
export type Demand = Omit<Dependant, "allows">;

/** Everyone who asks for a package. */
export interface Demands {
  readonly asked: readonly Demand[];
  /** Why these may not be all: without it they are. */
  readonly gap?: string;
}

/** Nobody asks, as far as can be told. */
export const noDemands: Demands = { asked: [] };

/** More than these are cut off, which is said. */
const mostDemands = 2000;

/** Demands as they are handed on: those that are too many, and everything that hides some, make a gap. */
export function demandsOf(asked: readonly Demand[], gaps: readonly string[]): Demands {
  const all = asked.length > mostDemands ? [...gaps, `more than ${mostDemands} ask for it`] : gaps;
  const [first] = all;
  const cut = asked.slice(0, mostDemands);
  return first === undefined ? { asked: cut } : { asked: cut, gap: first };
}
