import { AppError, printable, systemClock } from "../lib/index.ts";
import type { Connection, OperationOutput } from "../operation/index.ts";
import type { CommandContext } from "./command.ts";

/** A rebuild as the list of them has it. */
export type RebuildItem = OperationOutput<"rebuilds">["items"][number];

const ended: ReadonlySet<RebuildItem["state"]> = new Set(["promoted", "unchanged", "failed"]);
const pauseMs = 2_000;

/**
 * Waits until a rebuild has come to its end, or the one that took its place; says on standard error how far it is. Where no server works at it, this command does. Throws STILL_UNDER_WAY after
 * `timeoutMs`, and when the user stops it: the rebuild itself goes on.
 */
export async function waitForRebuild(
  { operations, served }: Connection,
  { image, rebuild: first }: { readonly image: string; readonly rebuild: string },
  { screen, stop }: Pick<CommandContext, "screen" | "stop">,
  timeoutMs: number,
): Promise<RebuildItem> {
  const late = AbortSignal.any([stop, AbortSignal.timeout(timeoutMs)]);
  let rebuild = first;
  let said = "";
  for (;;) {
    if (!served) await operations.run({ images: [image] });
    const { items } = await operations.rebuilds({ image, limit: 100 });
    const asked = items.find(({ id }) => id === rebuild);
    const found = asked?.state === "superseded" ? successorOf(asked, items) : asked;
    rebuild = found?.id ?? rebuild;
    if (found !== undefined && ended.has(found.state)) return found;
    const state = found?.state ?? "queued";
    if (state !== said) screen.err(`${printable(image)}: ${state}\n`);
    said = state;
    await systemClock.sleep(pauseMs, late).catch(() => undefined);
    if (late.aborted)
      throw new AppError("STILL_UNDER_WAY", `the rebuild ${rebuild} of ${image} is still ${state}`, {
        hint: `It goes on without this command; \`tidemill status ${image}\` says what it waits for.`,
      });
  }
}

/** The oldest that came after one that was superseded and was not superseded itself. `items` are newest first. */
function successorOf({ createdAt }: RebuildItem, items: readonly RebuildItem[]): RebuildItem | undefined {
  return items.findLast((one) => one.createdAt > createdAt && one.state !== "superseded");
}
