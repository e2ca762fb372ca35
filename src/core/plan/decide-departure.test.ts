import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideDeparture, isTrainBroken, type Mate } from "./decide-departure.ts";
import { digest } from "./testdata/made-facts.ts";

const a = digest("a");
const mate = (stands: "ready" | "there" | "behind" | "none", fell = false): Mate => ({
  image: "worker",
  underWay: stands === "none" ? [] : [{ id: "1", candidate: stands === "behind" ? null : a, stands }],
  fell,
});

describe("decideDeparture", () => {
  it.each([
    ["nothing of the others is under way", [mate("none")], { kind: "departs", mates: {}, waiting: [] }],
    ["another is ready", [mate("ready")], { kind: "departs", mates: { worker: a }, waiting: ["1"] }],
    ["another has moved", [mate("there")], { kind: "departs", mates: { worker: a }, waiting: [] }],
    ["another is behind", [mate("behind")], { kind: "waits", missing: ["worker"] }],
    ["another fell there", [mate("none", true)], { kind: "waits", missing: ["worker"] }],
    [
      "another fell there, and has a new one that is ready",
      [mate("ready", true)],
      { kind: "departs", mates: { worker: a }, waiting: ["1"] },
    ],
  ] as const)("%s", (_, mates, expected) => expect(decideDeparture(mates)).toEqual(expected));

  it("waits exactly where somebody is missing, and then departs with nobody", () => {
    const anyMate = fc.tuple(fc.constantFrom("ready", "there", "behind", "none"), fc.boolean());
    fc.assert(
      fc.property(fc.array(anyMate, { maxLength: 5 }), (given) => {
        const mates = given.map(([stands, fell], at) => ({ ...mate(stands, fell), image: `image-${at}` }));
        const lacks = given.some(([stands, fell]) => stands === "behind" || (stands === "none" && fell));
        expect(decideDeparture(mates).kind).toBe(lacks ? "waits" : "departs");
      }),
    );
  });
});

describe("isTrainBroken", () => {
  const fate = { arrived: false, takenBack: false, failed: false };
  it.each([
    ["nobody came with it", [], false],
    ["another is still on its way", [fate], false],
    ["another has arrived", [{ ...fate, arrived: true }], false],
    ["another cannot arrive any more", [fate, { ...fate, failed: true }], true],
    ["another arrived and was taken back", [{ ...fate, arrived: true, takenBack: true }], true],
    ["another arrived, whatever failed later", [{ ...fate, arrived: true, failed: true }], false],
  ] as const)("%s: %s", (_, fates, expected) => expect(isTrainBroken(fates)).toBe(expected));
});
