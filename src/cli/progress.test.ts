import { describe, expect, it } from "vitest";
import type { ProgressEvent } from "../operation/index.ts";
import { hostileText } from "../operation/testdata/status.ts";
import { createProgress } from "./progress.ts";
import { fakeScreen } from "./testdata/fake-screen.ts";

const at = "2026-11-23T09:00:00Z";
const story: readonly ProgressEvent[] = [
  { at, kind: "phase", message: "Day 0: the release suites" },
  { at, kind: "building", image: "base", message: "12 packages" },
  { at, kind: "building", image: "base", message: "converting", done: 1, total: 100_000 },
  { at, kind: "building", image: "base", message: "converting", done: 2, total: 100_000 },
  { at, kind: "promoted", image: "base", environment: "production", message: "3f2a9c01b2de" },
  { at, kind: "failed", image: hostileText, message: hostileText },
];

describe("progress without a terminal", () => {
  it("is a plain line an event, the first of a count only", () => {
    const screen = fakeScreen();
    const progress = createProgress(screen, false);
    for (const event of story) progress.onEvent(event);
    progress.close();
    const lines = screen.outText().trimEnd().split("\n");
    expect(lines).toHaveLength(5);
    expect(lines[3]).toBe("09:00:00 promoted base in production: 3f2a9c01b2de");
    // eslint-disable-next-line no-control-regex
    expect(lines.join("")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  it("leaves standard output to the JSON", () => {
    const screen = fakeScreen(80);
    const progress = createProgress(screen, true);
    for (const event of story) progress.onEvent(event);
    progress.close();
    expect(screen.outText()).toBe("");
    expect(screen.errText().split("\n")).toHaveLength(6);
  });
});

describe("progress on a terminal", () => {
  it("redraws what is at work below what has ended, in lines that do not wrap", async () => {
    const screen = fakeScreen(60, { NO_COLOR: "1" });
    const progress = createProgress(screen, false);
    for (const event of story.slice(0, 4)) progress.onEvent(event);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(screen.outText()).toContain("building    base");
    for (const event of story.slice(4)) progress.onEvent(event);
    progress.close();
    const drawn = screen.outText();
    expect(drawn).toContain("\u001b[1F\u001b[J");
    const last = drawn.slice(drawn.lastIndexOf("\u001b[J") + 3);
    expect(last.split("\n")[0]).toBe("  promoted    base           production 3f2a9c01b2de");
    expect(last).not.toContain("building");
    for (const line of last.split("\n")) expect(line.length).toBeLessThanOrEqual(60);
    // eslint-disable-next-line no-control-regex
    expect(last.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  it("leaves alone what was written after it settled, and shows nothing once it is closed", async () => {
    const screen = fakeScreen(60, { NO_COLOR: "1" });
    const progress = createProgress(screen, false);
    progress.onEvent(story[1]!);
    progress.settle();
    screen.out("Status page\n");
    progress.onEvent(story[4]!);
    await new Promise((resolve) => setTimeout(resolve, 150));
    const drawn = screen.outText();
    expect(drawn.slice(drawn.indexOf("Status page"))).toBe(
      "Status page\n  promoted    base           production 3f2a9c01b2de\n",
    );
    progress.close();
    progress.onEvent(story[4]!);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(screen.outText()).toBe(drawn);
  });
});
