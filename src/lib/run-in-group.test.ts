import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runInGroup, type GroupRun } from "./run-in-group.ts";

async function run(script: string, over: Partial<GroupRun> = {}, signal?: AbortSignal) {
  const said = { stdout: "", stderr: "" };
  const started = performance.now();
  const end = await runInGroup(
    {
      command: ["/bin/sh", "-c", script],
      env: {},
      timeoutMs: 10_000,
      onOutput: (piece, stream) => void (said[stream] += piece.toString()),
      ...over,
    },
    signal,
  );
  return { end, ...said, tookMs: performance.now() - started };
}

describe("runInGroup", () => {
  it("tells how it ended and all that it said, and gives it nothing but PATH, HOME and what it is told", async () => {
    const found = await run('echo out; echo err >&2; env | grep -c . ; echo "$X:$PWD"; exit 3', {
      env: { X: "1" },
      cwd: "/tmp",
    });
    expect(found.end).toEqual({ kind: "ended", status: 3 });
    // PATH, HOME and X; the shell adds PWD, and some shells OLDPWD or _.
    expect(found.stdout).toMatch(/^out\n[3-6]\n1:\/tmp\n$/);
    expect(found.stderr).toBe("err\n");
    expect((await run("kill -9 $$")).end).toEqual({ kind: "ended", status: null });
    const much = await run("head -c 3000000 /dev/zero");
    expect(much.stdout).toHaveLength(3_000_000);
  });

  it("ends the whole group with it, and does not wait for who left the group and holds its output", async () => {
    const left = await run("sleep 30 & echo $!");
    expect(left.tookMs).toBeLessThan(5000);
    const pid = Number(left.stdout);
    await expect.poll(() => isAlive(pid)).toBe(false);
    const away = await run("setsid sleep 5 & echo done");
    expect(away).toMatchObject({ end: { kind: "ended", status: 0 }, stdout: "done\n" });
    expect(away.tookMs).toBeLessThan(4000);
  });

  it("stops it at its time and at an abort, and says why it was not started", async () => {
    expect((await run("echo a; sleep 30", { timeoutMs: 500 })).end).toEqual({ kind: "late" });
    const aborting = new AbortController();
    setTimeout(() => aborting.abort(new Error("the lease is lost")), 200);
    await expect(run("sleep 30", {}, aborting.signal)).rejects.toThrow("the lease is lost");
    await expect(run("true", {}, AbortSignal.abort(new Error("before")))).rejects.toThrow("before");
    expect((await run("", { command: ["/no/such/program"] })).end).toMatchObject({ kind: "not started" });
    expect((await run("", { command: ["a\0b"] })).end).toMatchObject({ kind: "not started" });
    expect((await run("", { command: [] })).end).toMatchObject({ kind: "not started" });
  });
});

/** One that was ended and that nobody has asked for yet is not alive. proc_pid_stat(5). */
function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
