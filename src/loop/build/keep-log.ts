import type { Context } from "../context.ts";
import type { MakeOrder } from "./made.ts";

/** Characters that are kept of the beginning of a log, and of its end. */
const kept = { head: 65_536, tail: 458_752 };

/** Does `work`, which says what it does line by line; the lines go to whoever looks on, and are kept with the rebuild however it ends. */
export async function keepLog<T>(
  ctx: Context,
  { id, image }: MakeOrder,
  work: (log: (line: string) => void) => Promise<T>,
): Promise<T> {
  const head: string[] = [];
  const tail: string[] = [];
  let room = kept.head;
  let size = 0;
  let leftOut = 0;
  const log = (line: string): void => {
    ctx.emit({ kind: "output", image, ...(id === null ? {} : { rebuild: id }), message: line });
    if (room > line.length) {
      head.push(line);
      room -= line.length + 1;
      return;
    }
    room = 0;
    tail.push(line);
    size += line.length + 1;
    while (size > kept.tail) {
      size -= (tail.shift()?.length ?? 0) + 1;
      leftOut += 1;
    }
  };
  try {
    return await work(log);
  } finally {
    if (id !== null) await save(id);
  }

  async function save(rebuild: string): Promise<void> {
    const gap = leftOut === 0 ? [] : [`… ${leftOut} lines are left out …`];
    await ctx.store
      .saveBuildLog(rebuild, [...head, ...gap, ...tail].join("\n"), leftOut)
      .catch((error: unknown) => ctx.log.warn({ err: error, image, rebuild }, "the log of a build was not kept"));
  }
}
