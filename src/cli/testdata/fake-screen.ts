import type { Screen } from "../index.ts";
import { createScreen } from "../index.ts";

/** A screen that keeps what it was given; a terminal where `columns` is given. */
export function fakeScreen(columns?: number, environment: Record<string, string> = {}): Screen & { outText: () => string; errText: () => string } {
  let out = "";
  let err = "";
  const screen = createScreen(
    {
      out: { ...(columns === undefined ? {} : { isTTY: true, columns }), write: (text) => void (out += text) },
      err: { write: (text) => void (err += text) },
    },
    environment,
  );
  return Object.defineProperties({ outText: () => out, errText: () => err }, Object.getOwnPropertyDescriptors(screen)) as never;
}
