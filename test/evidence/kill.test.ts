import { afterEach, expect, it } from "vitest";
import { predicateTypes } from "../../src/core/evidence/index.ts";
import { readEvidence } from "../../src/io/sign/index.ts";
import { canonicalJson } from "../../src/lib/index.ts";
import { smallPackages } from "../faults/small-fleet.ts";
import { createSignedFleet } from "./signed-fleet.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const kills = 10;

it(
  "a pass that is killed at any moment leaves each piece of evidence once, and nothing promoted without it",
  { timeout: 180_000 },
  async () => {
    const small = await createSignedFleet();
    ends.push(small.remove);
    await small.publish(smallPackages());
    const began = performance.now();
    expect((await small.tidemill(["run"])).status).toBe(0);
    const wholeMs = performance.now() - began;
    let killed = 0;
    for (let round = 0; round < kills; round += 1) {
      if (round % 2 === 0)
        await small.publish(smallPackages({ libsmall1: `1.0-${round + 2}`, "small-gauge": `1.0-${round + 2}` }));
      // Signing stands at the end of a pass: most of the kills fall there.
      const ended = await small.tidemill(["run"], { killAfterMs: 400 + Math.random() * wholeMs * 0.8 });
      if (ended.status === null) killed += 1;
      else expect(ended.status, ended.out + ended.err).toBe(0);
    }
    expect(killed).toBeGreaterThan(kills / 3);

    const open = await small.open();
    ends.push(open.close);
    expect(await open.run()).toMatchObject({ failed: 0, alarms: [] });
    const { ctx } = open.fleet;
    const { trusted = [] } = (await ctx.evidence?.keys()) ?? {};
    const moves = await ctx.store.loadPromotions({ states: ["confirmed"], limit: 1000 });
    expect(moves.length).toBeGreaterThan(6);
    for (const { image, digest, environment } of moves) {
      const repository = ctx.repositoryOf(image);
      const { found, refused, problems } = await readEvidence(repository, digest, [digest], trusted);
      expect([refused, problems]).toEqual([[], []]);
      const said = found.map(({ predicateType, predicate }) => canonicalJson([predicateType, predicate]));
      expect(new Set(said).size, `${image}@${digest}`).toBe(said.length);
      // A scan is of the moment in which it was made: one for each verification.
      const count = (type: string): number => found.filter(({ predicateType }) => predicateType === type).length;
      expect(count(predicateTypes.scan), `${image}@${digest}`).toBe(count(predicateTypes.testResult));
      expect([count(predicateTypes.signature), count(predicateTypes.cyclonedx), count(predicateTypes.spdx)]).toEqual([
        1, 1, 1,
      ]);
      expect(new Set(found.map(({ kind }) => kind))).toEqual(
        new Set(["signature", "sbom", "provenance", "verification", "scan"]),
      );
      expect(canonicalJson(found.map(({ predicate }) => predicate))).toContain(`urn:tidemill:policy:${environment}`);
      const list = await repository.manifest(`${digest.replace(":", "-")}.sig`);
      expect((JSON.parse(Buffer.from(list?.bytes ?? []).toString()) as { layers: unknown[] }).layers).toHaveLength(1);
    }
    expect(await open.operations.auditVerify({ keys: [] })).toMatchObject({ verdict: "intact" });
  },
);
