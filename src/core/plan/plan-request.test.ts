import { describe, expect, it } from "vitest";
import { planRequest } from "./plan-request.ts";
import { digest, madeFacts, madeImage, madePackage, madeUpdate, now, policy } from "./testdata/made-facts.ts";
import type { PlanImage } from "./facts.ts";

const cause = { kind: "person", who: "ada", reason: "drill" } as const;
const inventories = new Map([["web", [madePackage("libssl3", "1"), madePackage("curl", "1")]]]);
const updates = [madeUpdate("libssl3", "2"), madeUpdate("curl", "2", { security: false })];
const blocked = [{ name: "libssl3", architecture: "amd64", version: "2" }];

function ask(over: Partial<PlanImage>, withHeld = false) {
  const images = [madeImage("web", { takesSome: true, ...over })];
  const holds = [{ image: null, who: "eve", reason: "fair", until: null }];
  return planRequest(madeFacts({ images, inventories, updates, holds }), "web", cause, { withHeld });
}

describe("planRequest", () => {
  it("leaves out what is held back and what is in cool-down, and names both, whatever is paused", () => {
    const found = ask({ blocked });
    expect(found?.keepOut).toEqual(blocked);
    expect(found?.holdBack.map(({ name, from, to }) => [name, from, to])).toEqual([
      ["curl", "1", "2"],
      ["libssl3", "1", "2"],
    ]);
    expect(found?.kept).toEqual(["openssl 2 is held back; it waits for a newer one", "curl 2 waits out its cool-down"]);
  });

  it("takes what is in cool-down where the person wants it, and never what was not let in", () => {
    expect(ask({}, true)).toMatchObject({ holdBack: [], keepOut: [], kept: [] });
    const found = ask({ blocked }, true);
    expect(found?.holdBack.map(({ name }) => name)).toEqual(["libssl3"]);
    expect(found?.kept).toHaveLength(1);
  });

  it("leaves a base where it is that is in quarantine or in cool-down", () => {
    const [from, to] = [digest("a"), digest("b")];
    const base = { name: "redis:7", from, to, firstSeen: now, readyAt: now + policy.coolDown };
    expect(ask({ bases: [base] })).toMatchObject({
      bases: [{ name: "redis:7", digest: from }],
      kept: [expect.stringContaining("curl"), "a newer redis:7 waits out its cool-down"],
    });
    expect(ask({ bases: [base] }, true)?.bases).toEqual([{ name: "redis:7", digest: to }]);
    const barred = ask({ bases: [{ ...base, isBlocked: true }] }, true);
    expect(barred?.bases).toEqual([{ name: "redis:7", digest: from }]);
    expect(barred?.kept[0]).toContain("is held back");
  });

  it("knows nothing of an image that is not there", () => {
    expect(planRequest(madeFacts(), "web", cause, { withHeld: false })).toBeUndefined();
  });
});
