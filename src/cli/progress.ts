import { formatBytes, printable } from "../lib/index.ts";
import type { ProgressEvent, ProgressListener } from "../operation/index.ts";
import type { Screen } from "./screen.ts";
import { cutText, padText, textWidth } from "./text-width.ts";

/** Shows events as they come. */
export interface Progress {
  readonly onEvent: ProgressListener;
  /** Leaves what is drawn where it stands: what is written or happens next comes below it. */
  settle(): void;
  /** Settles, and shows nothing more. */
  close(): void;
}

/** Redrawn in place on a terminal, one plain line an event elsewhere. It goes to standard error where standard output is JSON. */
export function createProgress(screen: Screen, json: boolean): Progress {
  return screen.live && !json ? liveProgress(screen) : plainProgress(screen, json);
}

function plainProgress(screen: Screen, json: boolean): Progress {
  const write = json ? screen.err : screen.out;
  // A line for each per cent of a download would bury the rest: only its beginning and what ends are said.
  const begun = new Set<string>();
  return {
    onEvent: (event) => {
      if (event.total !== undefined) {
        const key = `${event.kind} ${event.image ?? ""} ${event.message}`;
        if (begun.has(key)) return;
        begun.add(key);
      }
      write(`${plainLine(event)}\n`);
    },
    settle: () => undefined,
    close: () => undefined,
  };
}

/** An event as one line that can be searched: time, kind, image, words. */
function plainLine(event: ProgressEvent): string {
  const time = event.at.slice(11, 19);
  const place = [event.image, event.environment].filter((part) => part !== undefined).join(" in ");
  return `${time} ${event.kind}${place === "" ? "" : ` ${printable(place)}`}: ${printable(event.message)}`;
}

/** Kinds after which an image has nothing more to do: its line moves up and stays. */
const settled = new Set<ProgressEvent["kind"]>(["unchanged", "failed", "held", "rolled-back"]);
/** Kinds that are said once and stay. */
const spoken = new Set<ProgressEvent["kind"]>(["phase", "observed", "planned", "alarm", "note"]);
const frameMs = 80;

function liveProgress(screen: Screen): Progress {
  const working = new Map<string, ProgressEvent>();
  let drawn = 0;
  let pending: NodeJS.Timeout | undefined;
  let above: string[] = [];
  let closed = false;

  const draw = () => {
    pending = undefined;
    const lines = [...working.values()].slice(0, 20).map((event) => workingLine(event, screen));
    if (working.size > 20) lines.push(screen.dim(`  and ${working.size - 20} more`));
    const erase = drawn === 0 ? "" : `\u001b[${drawn}F\u001b[J`;
    screen.out(erase + [...above, ...lines].map((line) => `${line}\n`).join(""));
    above = [];
    drawn = lines.length;
  };
  const soon = () => {
    pending ??= setTimeout(draw, frameMs);
  };

  const settle = () => {
    clearTimeout(pending);
    draw();
    drawn = 0;
    working.clear();
  };

  return {
    onEvent: (event) => {
      if (closed) return;
      if (event.image === undefined || spoken.has(event.kind)) {
        // Counters without an image take a line of their own until they are full.
        if (event.total !== undefined) {
          const key = `${event.kind} ${event.message}`;
          if ((event.done ?? 0) >= event.total) working.delete(key);
          else working.set(key, event);
        } else above.push(spokenLine(event, screen));
      } else if (settled.has(event.kind)) {
        working.delete(event.image);
        above.push(settledLine(event, screen));
      } else if (event.kind === "queued") {
        // The plan stays to be read: an image and its reason a line.
        above.push(settledLine(event, screen));
      } else {
        working.delete(event.image);
        if (event.kind === "promoted") above.push(settledLine(event, screen));
        else working.set(event.image, event);
      }
      soon();
    },
    settle,
    close: () => {
      settle();
      closed = true;
    },
  };
}

function spokenLine(event: ProgressEvent, screen: Screen): string {
  const text = printable(event.message);
  if (event.kind === "phase") return `\n${screen.bold(text)}`;
  if (event.kind === "alarm") return screen.red(`! ${text}`);
  return screen.dim(`  ${text}`);
}

function settledLine(event: ProgressEvent, screen: Screen): string {
  const paint =
    event.kind === "failed" || event.kind === "rolled-back"
      ? screen.red
      : event.kind === "promoted"
        ? screen.green
        : screen.dim;
  const place = event.environment === undefined ? "" : ` ${event.environment}`;
  return rowText(paint(padText(event.kind, 11, "left")), 11, event.image ?? "", `${place} ${event.message}`, screen);
}

function workingLine(event: ProgressEvent, screen: Screen): string {
  const { done, total } = event;
  const share = total === undefined || total === 0 ? "" : ` ${Math.floor((100 * (done ?? 0)) / total)} %`;
  const size = share !== "" && (total ?? 0) > 10_000 ? ` of ${formatBytes(total ?? 0)}` : "";
  const text = `${event.message}${share}${size}`;
  return rowText(screen.yellow(padText(event.kind, 11, "left")), 11, event.image ?? "", text, screen);
}

/** A state that is already painted, then image and words cut to what the screen has left: a line that wraps cannot be redrawn. */
function rowText(state: string, stateWidth: number, image: string, text: string, screen: Screen): string {
  const name = padText(cutText(printable(image), 24), 14, "left");
  const left = (screen.width ?? 80) - 2 - stateWidth - 1 - textWidth(name) - 1 - 1;
  return `  ${state} ${name} ${cutText(printable(text.trim()), Math.max(8, left))}`.trimEnd();
}
