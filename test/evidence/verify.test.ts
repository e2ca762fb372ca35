import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listKeys, makeKeys, revokeKey, rotateKeys } from "../../src/io/sign/index.ts";
import type { Digest } from "../../src/lib/index.ts";
import { smallPackages, type OpenFleet, type SmallFleet } from "../faults/small-fleet.ts";
import { readEvidencePolicy } from "../../src/cli/evidence-policy.ts";
import { runTidemill } from "../quickstart/run-quickstart.ts";
import { createSignedFleet, passphrase } from "./signed-fleet.ts";

let small: SmallFleet;
let open: OpenFleet;
let reference: string;
let digest: Digest;
beforeAll(async () => {
  small = await createSignedFleet();
  await small.publish(smallPackages());
  open = await small.open();
  await open.run(["small-alone"]);
  digest = (await open.pointer("small-alone")) ?? "sha256:";
  reference = `${open.fleet.ctx.repositoryOf("small-alone").name}@${digest}`;
  await makeKeys(join(small.folder, "other"), "ed25519", passphrase);
}, 120_000);
afterAll(async () => {
  await open.close();
  await small.remove();
});

const pem = (name: string): Promise<string> => readFile(join(small.folder, `${name}.pub`), "utf8");
const everything = ["signature", "sbom", "provenance", "verification", "scan"] as const;

describe("tidemill verify", () => {
  it("says yes by the key that signed, of all that lies there", async () => {
    const found = await open.operations.verify({ reference, keys: [await pem("mill")], require: [...everything] });
    expect(found).toMatchObject({ verdict: "verified", digest, reasons: [], refused: [], problems: [] });
    expect(new Set(found.evidence.map(({ kind }) => kind))).toEqual(new Set(everything));
    expect(new Set(found.evidence.map(({ environment }) => environment))).toEqual(
      new Set([null, "staging", "production"]),
    );
  });

  it("says no by another key, and why", async () => {
    const found = await open.operations.verify({ reference, keys: [await pem("other")] });
    expect(found).toMatchObject({ verdict: "refused", evidence: [] });
    expect(found.reasons).toEqual(["its signature does not count: it is not by a key that is known here"]);
  });

  it("demands what the policy demands, for an environment", async () => {
    expect(await open.operations.verify({ reference, policy: true, environment: "production" })).toMatchObject({
      verdict: "verified",
      required: ["signature", "sbom", "provenance", "verification"],
    });
    const elsewhere = await open.operations.verify({ reference, policy: true, environment: "moon" });
    expect(elsewhere.reasons.join()).toMatch(/it is for (?:staging|production), not for moon/);
  });

  it("is asked in a process of its own with a key and nothing else, and ends with 3 where it refuses", async () => {
    const key = join(small.folder, "mill.pub");
    const ask = (...args: string[]) => small.tidemill(["verify", reference, ...args]);
    const yes = await ask("--key", key, "--require", "signature,sbom");
    expect(yes).toMatchObject({ status: 0, out: expect.stringContaining(`VERIFIED ${digest}`) });
    const no = await ask("--key", join(small.folder, "other.pub"), "--json");
    expect(no.status).toBe(3);
    expect(JSON.parse(no.out)).toMatchObject({ verdict: "refused" });
    expect(await ask("--policy", "-e", "production")).toMatchObject({ status: 0 });
    expect(await ask("--require", "moonlight")).toMatchObject({ status: 2 });
    expect(await ask("--key", join(small.folder, "none.pub"))).toMatchObject({ status: 2 });
  });

  it("judges by a policy file: what, by whom, for where and how old, and says each thing that lacks", async () => {
    const path = join(small.folder, "policy.yaml");
    const ask = async (...require: unknown[]) => {
      const signers = { mill: { key: "mill.pub" }, other: { key: "other.pub" } };
      await writeFile(path, JSON.stringify({ version: 1, signers, require }));
      const rules = await readEvidencePolicy(path);
      const { verdict, reasons } = await open.operations.verify({ reference, rules });
      return { verdict, reasons: reasons.join("\n") };
    };
    const kind = "verification";
    expect(
      await ask(
        "signature",
        "sbom",
        { kind: "provenance", by: ["mill"], maxAge: "1h" },
        { kind, environment: "production", maxAge: "1h" },
      ),
    ).toEqual({ verdict: "verified", reasons: "" });
    expect(await ask({ kind: "provenance", by: ["other"] }, "vex", { kind, environment: "moon" })).toEqual({
      verdict: "refused",
      reasons: expect.stringMatching(
        /^its provenance does not count: it is not by a key that is trusted here\nit has no VEX\nits verification does not count: it is for (?:staging|production), not for moon/,
      ),
    });
    expect((await ask({ kind: "signature", maxAge: "1h" })).reasons).toBe(
      "its signature does not count: it does not say when it was made",
    );
    open.clock.jump(2 * 3_600_000);
    expect((await ask("signature", { kind, maxAge: "1h" }, { kind: "provenance", maxAge: "3h" })).reasons).toMatch(
      /^its verification does not count: it is of 20\d\d-[^\n]*, too old$/,
    );
    await writeFile(
      path,
      "version: 1\nsigners: { mill: { key: mill.pub }, other: { key: other.pub } }\nrevoked: [mill]\nrequire: [sbom]\n",
    );
    const refused = await small.tidemill(["verify", reference, "--policy", path, "--json"]);
    expect(refused.status).toBe(3);
    expect(JSON.parse(refused.out)).toMatchObject({
      verdict: "refused",
      required: ["sbom"],
      reasons: [expect.stringMatching(/^its SBOM does not count: it is by a key that was revoked/)],
    });
  });

  it("asks for a key where none is known, and for a configuration where its policy is meant", async () => {
    const { operations } = open;
    await expect(operations.verify({ reference, keys: ["no key"] })).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(
      operations.verify({ reference: `${reference.split("@")[0]}:none`, keys: [await pem("mill")] }),
    ).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    const bare = join(small.folder, "bare.yaml");
    const { evidence: _evidence, ...rest } = JSON.parse(await readFile(small.configPath, "utf8")) as Record<
      string,
      unknown
    >;
    await writeFile(bare, JSON.stringify(rest));
    const asked = await runTidemill(["verify", reference, "--policy", "--config", bare], { env: small.env });
    expect(asked.err).toMatch(/no configuration says what is demanded/);
    expect(asked.status).toBe(2);
  });

  it("sees at once that a key was revoked", async () => {
    const name = join(small.folder, "mill");
    const [old] = await listKeys(name);
    await rotateKeys(name, "ed25519", passphrase);
    expect(await open.operations.verify({ reference, policy: true })).toMatchObject({ verdict: "verified" });
    await revokeKey(name, old?.key.fingerprint ?? "");
    const found = await open.operations.verify({ reference, policy: true });
    expect(found.verdict).toBe("refused");
    expect(found.reasons).toHaveLength(4);
    expect(found.evidence.every(({ counts }) => !counts)).toBe(true);
  });
});
