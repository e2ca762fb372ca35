import type { Clock } from "../../../lib/index.ts";
import { RegistryError } from "../error.ts";

/** How many requests a registry gets in a span of milliseconds. */
export interface RequestBudget {
  readonly requests: number;
  readonly perMs: number;
}

export interface RegistryBudgetOptions {
  readonly registry: string;
  readonly clock: Clock;
  readonly budget: RequestBudget;
  readonly atOnce: number;
}

/** What may still be asked of one registry. */
export interface RegistryBudget {
  /** Runs `work` when it is its turn; it says how many requests it took. Throws THROTTLED while the registry wants to be left alone, BUDGET_SPENT where no request is left: both say for how long. */
  run<T>(work: () => Promise<readonly [result: T, requests: number]>, signal: AbortSignal): Promise<T>;
  /** Takes requests for something that is done elsewhere; throws as `run` does. */
  spend(requests: number): void;
  /** What is left now. */
  left(): BudgetLeft;
}

/** How many requests of a budget are left until its span ends, and whether the registry wants to be left alone. */
export interface BudgetLeft {
  readonly requests: number;
  readonly of: number;
  readonly isQuiet: boolean;
}

/** For how many milliseconds a registry is left alone that does not say for how long. */
const quietMs = 60_000;
const longestQuietMs = 86_400_000;

export function createRegistryBudget({ registry, clock, budget, atOnce }: RegistryBudgetOptions): RegistryBudget {
  let quietUntil = Number.NEGATIVE_INFINITY;
  let windowEnd = Number.NEGATIVE_INFINITY;
  let spent = 0;
  let running = 0;
  const waiting: (() => void)[] = [];

  /** Throws where nothing may be asked now. */
  function check(): void {
    const now = clock.now();
    // A clock that was set back must not silence a registry for longer than it ever would be.
    if (quietUntil - now > longestQuietMs) quietUntil = now + longestQuietMs;
    if (now < quietUntil) {
      throw new RegistryError("THROTTLED", `${registry} wants to be left alone until ${timeOf(quietUntil)}`, {
        retry: true,
        retryAfterMs: quietUntil - now,
        hint: "It is asked again by itself. Log in to it, or look less often.",
      });
    }
    if (now >= windowEnd || windowEnd - now > budget.perMs) {
      windowEnd = now + budget.perMs;
      spent = 0;
    }
    if (spent >= budget.requests) {
      throw new RegistryError(
        "BUDGET_SPENT",
        `the ${budget.requests} requests for ${registry} are spent until ${timeOf(windowEnd)}`,
        {
          retry: true,
          retryAfterMs: windowEnd - now,
          hint: "Look less often, or give this registry more requests.",
        },
      );
    }
  }

  async function takeTurn(): Promise<void> {
    if (running < atOnce) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** Whose turn is next takes the place over. */
  function endTurn(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  return {
    run: async (work, signal) => {
      check();
      await takeTurn();
      try {
        signal.throwIfAborted();
        check();
        // Taken at once, so that those who run beside it know of it.
        spent += 1;
        const [result, requests] = await work();
        spent += requests - 1;
        return result;
      } catch (error) {
        if (error instanceof RegistryError && error.code === "THROTTLED")
          quietUntil = Math.max(quietUntil, clock.now() + Math.min(error.retryAfterMs ?? quietMs, longestQuietMs));
        throw error;
      } finally {
        endTurn();
      }
    },
    spend: (requests) => {
      check();
      spent += requests;
    },
    left: () => {
      const now = clock.now();
      const isOver = now >= windowEnd || windowEnd - now > budget.perMs;
      const requests = isOver ? budget.requests : Math.max(0, budget.requests - spent);
      return { requests, of: budget.requests, isQuiet: now < quietUntil };
    },
  };
}

function timeOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
