import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect } from "vitest";
import { needs } from "../needs.ts";

const run = promisify(execFile);
const unit = fileURLToPath(new URL("../../packaging/systemd/tidemill.service", import.meta.url));
const missing = await run("systemd-analyze", ["--version"]).then(
  () => undefined,
  () => "there is no systemd-analyze (Debian's package systemd)",
);

describe("the unit for systemd", () => {
  needs(missing)("is one that systemd takes, and leaves little open", async () => {
    // It says on standard error what it does not know, and still ends well.
    const { stdout, stderr } = await run("systemd-analyze", ["verify", unit]);
    expect(`${stdout}${stderr}`).not.toMatch(/tidemill\.service/);
    // Tenths: it fails above 2.0 of 10.
    const security = await run("systemd-analyze", ["security", "--offline=true", "--threshold=20", unit]);
    expect(security.stdout).toMatch(/Overall exposure level for tidemill\.service: 1\.\d OK/);
  });
});
