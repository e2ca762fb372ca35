import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { collectBytes } from "./lib/index.ts";

const launcher = fileURLToPath(new URL("../bin/tidemill.js", import.meta.url));

/** Runs the command line as a user does. */
async function tidemill(...argv: string[]) {
  const child = spawn(process.execPath, [launcher, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  const [out, err, [status]] = await Promise.all([
    collectBytes(child.stdout, 1e6, "out"),
    collectBytes(child.stderr, 1e6, "err"),
    once(child, "exit") as Promise<[number | null]>,
  ]);
  return { status, out: out.toString("utf8"), err: err.toString("utf8") };
}

describe("tidemill", () => {
  it.each([
    [["--version"], 0],
    [["--help"], 0],
    [[], 0],
    [["help", "why"], 0],
    [["stats"], 2],
    [["why"], 2],
    [["hold"], 2],
    [["why", "web@"], 2],
  ])("%j ends with status %d", async (argv, status) => {
    const ended = await tidemill(...argv);
    expect(ended.status, ended.err).toBe(status);
    expect(status === 0 ? ended.err : ended.out).toBe("");
  });

  it("fails as JSON where JSON was asked for, and says it to people as well", async () => {
    const { status, out, err } = await tidemill("why", "web@", "--json");
    expect(status).toBe(2);
    expect(JSON.parse(out)).toMatchObject({ error: { code: "BAD_USAGE", hint: expect.any(String) } });
    expect(err).toContain("BAD_USAGE");
  });

  it("does not mind that its reader goes away", async () => {
    const child = spawn(process.execPath, [launcher, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    const [err, [status]] = await Promise.all([
      collectBytes(child.stderr, 1e6, "err"),
      once(child, "exit") as Promise<[number | null]>,
    ]);
    expect({ status, err: err.toString("utf8") }).toEqual({ status: 0, err: "" });
  });
});
