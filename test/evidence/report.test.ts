import { appendFile, copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect } from "vitest";
import { createSmallFleet, type SmallFleet } from "../faults/small-fleet.ts";
import { needs } from "../needs.ts";
import { workflow } from "../fakes/openid-issuer.ts";
import { missingSigstore, startSigstore } from "../sigstore/start-sigstore.ts";
import { cosign, createSignedFleet, run } from "./signed-fleet.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Writes a report, and runs the commands that its output names, with the reader's own copies of key and root; gives both. */
async function reportOf(small: SmallFleet): Promise<{ readonly out: string; readonly commands: readonly string[] }> {
  const { status, out, err } = await small.tidemill(["report", "--output", join(small.folder, "it's Q3")]);
  expect(status, err).toBe(0);
  const commands = out.split("\n").flatMap((line) => (line.startsWith("  cosign ") ? [line.trim()] : []));
  expect(commands).toHaveLength(2);
  for (const command of commands) expect((await verify(small, command)).stderr).toContain("Verified OK");
  return { out, commands };
}

/** As a person would paste it. Without a network: what is not in the files would be looked for there. */
function verify(small: SmallFleet, command: string): Promise<{ readonly stderr: string }> {
  const env = {
    PATH: `${join(small.folder, "bin")}:/usr/bin:/bin`,
    HOME: small.folder,
    HTTPS_PROXY: "http://127.0.0.1:9",
  };
  return run("sh", ["-c", command.replace(/^cosign/, cosign.path)], { cwd: small.folder, env });
}

/** A byte more in a file, and every command over it is refused. */
async function expectRefusals(small: SmallFleet, commands: readonly string[]): Promise<void> {
  for (const [at, kind] of ["html", "json"].entries()) {
    await appendFile(join(small.folder, `it's Q3.${kind}`), "\n");
    await expect(verify(small, commands[at] ?? "")).rejects.toThrow(/invalid signature|failed to verify signature/i);
  }
}

describe("a report that a key signed", () => {
  const it = needs(cosign.missing);

  it("is verified by the command that its output names, and one that was touched is refused", async () => {
    const small = await createSignedFleet();
    ends.push(small.remove);
    await copyFile(join(small.folder, "mill.pub"), join(small.folder, "KEY.pub"));
    const { commands } = await reportOf(small);
    await expectRefusals(small, commands);
  }, 180_000);
});

describe("a report that an identity signed", () => {
  const it = needs(cosign.missing ?? missingSigstore);

  it("is a bundle that cosign verifies offline, by whom it names and nobody else", async () => {
    const sigstore = await startSigstore();
    ends.push(() => sigstore.close());
    const small = await createSmallFleet();
    ends.push(small.remove);
    await writeFile(join(small.folder, "token"), sigstore.issuer.token());
    await copyFile(sigstore.trustedRootPath, join(small.folder, "trusted_root.json"));
    const { fulcio, rekor, timestamp, issuer } = sigstore;
    const who = { issuer: issuer.address, subject: workflow, trustedRoot: "trusted_root.json" };
    await small.configure({ evidence: { keyless: { fulcio, rekor, timestamp, token: { file: "token" }, ...who } } });
    const { out, commands } = await reportOf(small);
    expect(out).toContain(".html.sigstore.json");
    const other = (commands[0] ?? "").replace(workflow, "https://github.com/acme/other");
    await expect(verify(small, other)).rejects.toThrow(/expected SAN value/);
    await expectRefusals(small, commands);

    await writeFile(join(small.folder, "token"), "");
    const without = await small.tidemill(["report", "--output", join(small.folder, "none")]);
    expect(without).toMatchObject({ status: 1, err: expect.stringMatching(/NO_TOKEN/) });
  }, 600_000);
});
