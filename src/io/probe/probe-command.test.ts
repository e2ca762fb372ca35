import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { probeCommand } from "./index.ts";

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

const ask = (script: string, timeoutMs = 10_000, env: Record<string, string> = {}) =>
  probeCommand({ command: ["sh", "-c", script], env, timeoutMs });

describe("probeCommand", () => {
  it("passes what ends with 0, and says how the rest ended and what it said last", async () => {
    expect(await ask("true")).toMatchObject({ kind: "passed" });
    expect(await ask("echo first; echo 'the queue is full' >&2; exit 3")).toMatchObject({
      kind: "failed",
      reason: "it ended with 3: the queue is full",
    });
    expect(await ask("kill -9 $$")).toMatchObject({ reason: "it ended with a signal" });
    expect(await probeCommand({ command: ["/nonexistent/program"], env: {}, timeoutMs: 1000 })).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("ENOENT"),
    });
    for (const command of [[""], ["a\0b"], ["sh", "a\0b"]])
      expect((await probeCommand({ command, env: {}, timeoutMs: 1000 })).kind).toBe("failed");
  });

  it("tells it what it is told to, and nothing else of ours", async () => {
    process.env["TIDEMILL_SECRET_CANARY"] = "hush";
    const script = 'test "$TIDEMILL_IMAGE" = web && test -z "$TIDEMILL_SECRET_CANARY" && test -n "$PATH"';
    const result = await ask(script, 10_000, { TIDEMILL_IMAGE: "web" });
    delete process.env["TIDEMILL_SECRET_CANARY"];
    expect(result.kind).toBe("passed");
  });

  it("ends what is late with all that it started", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tidemill-probe-"));
    folders.push(folder);
    const mark = join(folder, "alive");
    const result = await ask(`(sleep 1; touch ${mark}) & sleep 30`, 200);
    expect(result).toMatchObject({ kind: "failed", reason: "it did not end within 200 ms" });
    await delay(1300);
    expect(existsSync(mark)).toBe(false);
  });

  it("keeps a flood of output out of memory and escapes out of the answer", async () => {
    const result = await ask("head -c 20000000 /dev/zero | tr '\\0' 'x'; printf '\\n\\033[31mred\\n'; exit 1");
    expect(result).toMatchObject({ kind: "failed" });
    expect(JSON.stringify(result).length).toBeLessThan(700);
    expect(JSON.stringify(result)).not.toContain("\\u001b");
  });

  it("throws where it is aborted", async () => {
    const running = probeCommand({ command: ["sleep", "30"], env: {}, timeoutMs: 60_000 }, AbortSignal.timeout(100));
    await expect(running).rejects.toThrow(/timeout|aborted/);
  });
});
