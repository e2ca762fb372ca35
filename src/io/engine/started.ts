import { messageOf, printable } from "../../lib/index.ts";
import { EngineError } from "./error.ts";

/** Waits for the daemon to accept `command`; throws NOT_STARTED where the daemon says that the image has nothing to start that way. */
export async function started<T>(command: readonly string[], work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 400) throw error;
    const { message = messageOf(error) } = (error as { json?: { message?: string } }).json ?? {};
    const what = command[0] ?? "the image's own entrypoint";
    throw new EngineError("NOT_STARTED", `${printable(what)} cannot be started: ${printable(message)}`, {
      cause: error,
    });
  }
}
