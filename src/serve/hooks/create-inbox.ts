import type { NewEvent } from "../../io/store/index.ts";
import { ServeError } from "../error.ts";

/** Takes events in: many at a time become one write. */
export interface Inbox {
  /** Resolves once the event is durable; `known`: it had come before. Throws TOO_MANY where too many wait to be written, and what writing throws. */
  put(event: NewEvent): Promise<"new" | "known">;
}

export interface InboxOptions {
  /** Events that may wait to be written. */
  readonly most?: number;
  /** Events of one write. */
  readonly batch?: number;
  /** Called after each write that brought something new. */
  readonly onNew: () => void;
}

interface Waiting {
  readonly event: NewEvent;
  readonly resolve: (outcome: "new" | "known") => void;
  readonly reject: (reason: unknown) => void;
}

/** An inbox that writes with `save`, one write after the other: what comes meanwhile is the next. */
export function createInbox(
  save: (events: readonly NewEvent[]) => Promise<readonly Pick<NewEvent, "endpoint" | "key">[]>,
  { most = 4_000, batch = 500, onNew }: InboxOptions,
): Inbox {
  const waiting: Waiting[] = [];
  let isWriting = false;

  const write = async (part: readonly Waiting[]): Promise<void> => {
    try {
      const fresh = new Set((await save(part.map(({ event }) => event))).map(nameOf));
      if (fresh.size > 0) onNew();
      // Of two that are the same in one write, the first is the new one.
      for (const { event, resolve } of part) resolve(fresh.delete(nameOf(event)) ? "new" : "known");
    } catch (error) {
      for (const { reject } of part) reject(error);
    }
  };
  const writeAll = async (): Promise<void> => {
    isWriting = true;
    while (waiting.length > 0) await write(waiting.splice(0, batch));
    isWriting = false;
  };

  return {
    put: (event) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= most) {
          const hint = "Send it again later: nothing of it was kept.";
          return reject(new ServeError("TOO_MANY", `${most} events wait to be written`, { hint }));
        }
        waiting.push({ event, resolve, reject });
        if (!isWriting) void writeAll();
      }),
  };
}

function nameOf({ endpoint, key }: Pick<NewEvent, "endpoint" | "key">): string {
  return `${endpoint} ${key}`;
}
