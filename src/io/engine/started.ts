import { messageOf, printable } from "../../lib/index.ts";
import { EngineError } from "./error.ts";

/** Waits for the daemon to accept `command`; throws NOT_STARTED where the daemon says that the image has nothing to start that way. */
export async function started<T>(command: readonly string[], work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { statusCode, json } = error as { statusCode?: number; json?: { message?: string } };
    const { message = messageOf(error) } = json ?? {};
    if (statusCode !== 400 && !isWordOfPodman(message)) throw error;
    const what = command[0] ?? "the image's own entrypoint";
    throw new EngineError("NOT_STARTED", `${printable(what)} cannot be started: ${printable(message)}`, {
      cause: error,
    });
  }
}

/** What Podman says of a program that is not there; what it says of this machine (limits, cgroups) is something else. */
function isWordOfPodman(message: string): boolean {
  const absent =
    /OCI (?:runtime attempted to invoke a command that was not found|permission denied|not found)|no command or entrypoint provided/;
  return absent.test(message) && !/rlimit|cgroup/i.test(message);
}
