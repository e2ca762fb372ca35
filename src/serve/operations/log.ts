import type { Context } from "../../loop/context.ts";
import { formatInstant, OperationError, type OperationHandlers } from "../../operation/index.ts";

/** `log`: what the build of an image said, of the newest that said anything. Throws NOT_FOUND where none did. */
export function createLog({ store }: Context): OperationHandlers["log"] {
  return async ({ image, rebuild: wanted }) => {
    const rebuilds = await store.loadRebuilds({ image, limit: 100 });
    for (const { id, state } of rebuilds) {
      if (wanted !== undefined && id !== wanted) continue;
      const kept = await store.loadBuildLog(id);
      if (kept === undefined) continue;
      const { at, text, leftOut } = kept;
      return { image, rebuild: id, state, at: formatInstant(at), lines: text.split("\n"), leftOut };
    }
    throw new OperationError(
      "NOT_FOUND",
      `no build of ${image}${wanted === undefined ? "" : ` (${wanted})`} has a log`,
      {
        hint: "Images of recipe `packages` are assembled without a build; `tidemill why` says how.",
      },
    );
  };
}
