import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { canonicalJson, sha256 } from "../../src/lib/index.ts";
import { startTidemill } from "../faults/processes.ts";
import { smallPackages, until, type SmallFleet } from "../faults/small-fleet.ts";
import { runTidemill } from "../quickstart/run-quickstart.ts";
import { createSignedFleet, passphrase, run } from "./signed-fleet.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function prepare(): Promise<SmallFleet> {
  const small = await createSignedFleet();
  ends.push(small.remove);
  await small.publish(smallPackages());
  return small;
}

/** What the commands of evidence answer, however the state is reached. */
async function expectCommands(small: SmallFleet, folder: string): Promise<void> {
  const intact = await small.tidemill(["audit", "verify", "--json"]);
  expect(intact.status, intact.err).toBe(0);
  const found = JSON.parse(intact.out) as { rows: number; hash: string; checkpoints: { valid: number } };
  expect(found).toMatchObject({ verdict: "intact", checkpoints: { unknown: 0 } });
  expect(found.checkpoints.valid).toBeGreaterThanOrEqual(1);

  const lines = (await small.tidemill(["audit", "export"])).out.trim().split("\n");
  expect(lines.length).toBeGreaterThanOrEqual(found.rows);
  let previous = "";
  for (const line of lines) {
    const { hash, ...row } = JSON.parse(line) as { hash: string; previous: string };
    expect([row.previous, sha256(canonicalJson(row))]).toEqual([previous, hash]);
    previous = hash;
  }
  expect(JSON.parse(lines[found.rows - 1] ?? "")).toMatchObject({ hash: found.hash });

  const to = join(folder, `${Math.random()}.tar`);
  const exported = await small.tidemill(["evidence", "export", "small-alone", "--output", to]);
  expect(exported).toMatchObject({ status: 0, out: expect.stringContaining("README.md in it says how to verify it") });
  expect((await run("tar", ["-tf", to])).stdout.split("\n")).toContain("README.md");
  expect(await small.tidemill(["evidence", "attach", "small-alone"])).toMatchObject({
    status: 0,
    out: expect.stringContaining("All of it stood there"),
  });
  expect((await small.tidemill(["why", "small-alone"])).out).toMatch(
    /Evidence\n.*signature, sbom \(2\), provenance, verification \(4\), scan \(2\); signed by [0-9a-f]{16}/s,
  );
  expect(await small.tidemill(["evidence", "burn", "small-alone"])).toMatchObject({ status: 2 });
  expect(await small.tidemill(["audit", "burn"])).toMatchObject({ status: 2 });
}

describe("the commands of evidence", () => {
  it("answer without a server, and find a row that was changed", { timeout: 180_000 }, async () => {
    const small = await prepare();
    expect((await small.tidemill(["run"])).status).toBe(0);
    await expectCommands(small, small.folder);
    const doctor = await small.tidemill(["doctor", "--json"]);
    expect(doctor.out).toMatch(/signed by the ECDSA key/);

    const { changed } = await changeRow(small);
    const broken = await small.tidemill(["audit", "verify"]);
    expect(broken.status).toBe(3);
    expect(broken.out).toMatch(new RegExp(`BROKEN at row ${changed}: row ${changed} was changed`));
  });

  it("answer through a server, whose registry's images verify by the policy", { timeout: 180_000 }, async () => {
    const small = await prepare();
    const server = startTidemill(small, ["up"]);
    ends.push(() => server.end("SIGTERM"));
    const registry = await until(
      "the server is up",
      () => Promise.resolve(/Registry\s+(\S+)/.exec(server.output())?.[1]),
      30_000,
    );
    const digest = await until(
      "it is in production and checkpoints are signed",
      async () => {
        const why = await small.tidemill(["why", "small-alone", "--json"]);
        const { environments = [], digest: named } = JSON.parse(why.out || "{}") as {
          environments?: string[];
          digest?: string;
        };
        const audit = await small.tidemill(["audit", "verify", "--json"]);
        const { checkpoints } = JSON.parse(audit.out || "{}") as { checkpoints?: { valid: number } };
        return environments.includes("production") && (checkpoints?.valid ?? 0) > 0 ? named : undefined;
      },
      40_000,
    );
    await expectCommands(small, small.folder);
    const reference = `${registry}/small-alone@${digest}`;
    expect(await small.tidemill(["verify", reference, "--policy", "-e", "production"])).toMatchObject({ status: 0 });
    expect(await small.tidemill(["verify", reference, "--policy", "-e", "moon"])).toMatchObject({ status: 3 });
  });

  it("make, list, replace and revoke keys in files", { timeout: 180_000 }, async () => {
    const small = await prepare();
    const name = join(small.folder, "keys", "team");
    const keys = (
      args: readonly string[],
      env: Readonly<Record<string, string>> = { TIDEMILL_KEY_PASSPHRASE: passphrase },
    ) => runTidemill(["keys", ...args], { env });
    expect(await keys(["make", name], {})).toMatchObject({
      status: 1,
      err: expect.stringContaining("TIDEMILL_KEY_PASSPHRASE is not set"),
    });
    expect(await keys(["make", name, "--type", "rsa"])).toMatchObject({ status: 2 });
    expect((await keys(["make", name])).status).toBe(0);
    expect((await stat(`${name}.key`)).mode & 0o777).toBe(0o600);
    const [{ fingerprint }] = (
      JSON.parse((await keys(["list", name, "--json"])).out) as { keys: [{ fingerprint: string }] }
    ).keys;
    expect((await keys(["rotate", name, "--type", "ed25519"])).status).toBe(0);
    expect(await keys(["revoke", name])).toMatchObject({ status: 2 });
    const revoked = await keys(["revoke", name, fingerprint.slice(7, 19), "--json"]);
    expect(JSON.parse(revoked.out)).toMatchObject({
      keys: [
        { state: "current", kind: "Ed25519" },
        { state: "revoked", fingerprint },
      ],
    });
  });
});

/** Changes a row of the chain in the state's files, as whoever can write there would; gives its number. */
async function changeRow(small: SmallFleet): Promise<{ readonly changed: number }> {
  const open = await small.open();
  try {
    const [row] = await open.fleet.ctx.store.loadAudit({ actions: ["verified"], limit: 1 });
    const session = await open.fleet.ctx.store.engine.acquire();
    await session.script(`update audit set actor = 'eve' where seq = ${row?.seq}`);
    await open.fleet.ctx.store.engine.release(session);
    return { changed: row?.seq ?? 0 };
  } finally {
    await open.close();
  }
}
