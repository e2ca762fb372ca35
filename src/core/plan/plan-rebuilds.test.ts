import { describe, expect, it } from "vitest";
import type { ClosedByUpdate, PackageUpdate, PlanFacts } from "./facts.ts";
import { planRebuilds } from "./plan-rebuilds.ts";
import { digest, madeFacts, madeImage, madePackage, madeUpdate, now, policy } from "./testdata/made-facts.ts";

const openssl = [
  madePackage("libssl3", "3.0.9-1"),
  madePackage("openssl", "3.0.9-1"),
  madePackage("zlib1g", "1.2", { source: "zlib" }),
];
const patched = [
  madeUpdate("libssl3", "3.0.11-1", { advisories: ["DSA-5532-1"] }),
  madeUpdate("openssl", "3.0.11-1", { advisories: ["CVE-2023-5363", "DSA-5532-1"] }),
];
const person = { kind: "person", who: "ann", reason: "to be sure" } as const;

/** One image `web` with openssl, and what `over` says. */
function webFacts(over: Partial<PlanFacts> = {}, image: Parameters<typeof madeImage>[1] = {}): PlanFacts {
  return madeFacts({ images: [madeImage("web", image)], inventories: new Map([["web", openssl]]), ...over });
}

function waves(facts: PlanFacts): string[][] {
  return planRebuilds(facts).waves.map((wave) => wave.map(({ image }) => image));
}

describe("a patched source package", () => {
  it("is one cause, with its packages and advisories on it", () => {
    const plan = planRebuilds(webFacts({ updates: patched }));
    expect(plan.waves).toEqual([
      [
        {
          image: "web",
          parents: [],
          recipeKey: "recipe",
          lane: "routine",
          notBefore: now,
          holdBack: [],
          keepOut: [],
          bases: [],
          causes: [
            {
              key: "package:openssl:3.0.11-1",
              cause: {
                kind: "package",
                source: "openssl",
                to: "3.0.11-1",
                packages: [
                  { name: "libssl3", architecture: "amd64", from: "3.0.9-1", to: "3.0.11-1" },
                  { name: "openssl", architecture: "amd64", from: "3.0.9-1", to: "3.0.11-1" },
                ],
                origin: "debian/security",
                firstSeen: now,
                security: true,
                advisories: ["CVE-2023-5363", "DSA-5532-1"],
                confirmed: ["CVE-2023-5363", "DSA-5532-1"],
              },
            },
          ],
        },
      ],
    ]);
  });

  it("does not touch an image that has none of its packages, has them newer, or has another architecture", () => {
    const images = ["none", "newer", "other"].map((name) => madeImage(name));
    const inventories = new Map([
      ["none", [madePackage("zlib1g", "1.2")]],
      ["newer", [madePackage("libssl3", "3.0.11-1+deb12u1")]],
      ["other", [madePackage("libssl3", "3.0.9-1", { architecture: "arm64" })]],
    ]);
    const plan = planRebuilds(madeFacts({ images, inventories, updates: patched }));
    expect(plan.waves).toEqual([]);
    expect(plan.untouched).toEqual([
      { image: "newer", reason: "its one package has no newer version" },
      { image: "none", reason: "its one package has no newer version" },
      { image: "other", reason: "its one package has no newer version" },
    ]);
  });

  it("reaches a base and all that is built on it, one wave a generation", () => {
    const images = [
      madeImage("app", { parents: ["runtime"], current: { ...madeImage("app").current!, inventories: ["base"] } }),
      madeImage("runtime", { parents: ["base"], current: { ...madeImage("runtime").current!, inventories: ["base"] } }),
      madeImage("base"),
      madeImage("alone"),
    ];
    const inventories = new Map([
      ["base", openssl],
      ["alone", openssl],
    ]);
    expect(waves(madeFacts({ images, inventories, updates: patched }))).toEqual([
      ["alone", "base"],
      ["runtime"],
      ["app"],
    ]);
  });

  it("takes the child along when the base is rebuilt, even where the package is not in the child", () => {
    const images = [madeImage("web"), madeImage("app", { parents: ["web"] })];
    const [, [app] = []] = planRebuilds(webFacts({ images, updates: patched })).waves;
    expect(app).toMatchObject({
      image: "app",
      parents: ["web"],
      causes: [{ cause: { kind: "parent", image: "web" } }],
    });
  });
});

describe("an image with several parents", () => {
  it("comes after all of them, with a cause for each that is rebuilt", () => {
    const images = [
      madeImage("web"),
      madeImage("tools", { parents: ["web"] }),
      madeImage("other"),
      madeImage("app", { parents: ["other", "tools", "web"] }),
    ];
    const plan = planRebuilds(webFacts({ images, updates: patched }));
    expect(plan.waves.map((wave) => wave.map(({ image, parents }) => [image, parents]))).toEqual([
      [["web", []]],
      [["tools", ["web"]]],
      [["app", ["tools", "web"]]],
    ]);
    expect(plan.waves[2]?.[0]?.causes.map(({ cause }) => cause)).toMatchObject([
      { kind: "parent", image: "tools" },
      { kind: "parent", image: "web" },
    ]);
  });

  it("is held where one of them is", () => {
    const images = [
      madeImage("web"),
      madeImage("other"),
      madeImage("app", { parents: ["other", "web"], recipeKey: "new" }),
    ];
    const holds = [{ image: "web", who: "ann", reason: "a fair", until: null }];
    const { held } = planRebuilds(webFacts({ images, holds, updates: patched }));
    expect(held.map(({ image, kind }) => [image, kind])).toEqual([
      ["web", "hold"],
      ["app", "parent"],
    ]);
  });
});

describe("a base that moved", () => {
  const moved = { name: "debian:12", from: digest("a"), to: digest("b"), firstSeen: now - 5, readyAt: now };

  it("is a cause with both digests, once for each digest it moves to", () => {
    const [[rebuild] = []] = planRebuilds(webFacts({}, { bases: [moved] })).waves;
    expect(rebuild?.causes).toEqual([
      {
        key: `base:debian:12:${digest("b")}`,
        cause: { kind: "base", name: "debian:12", from: digest("a"), to: digest("b"), firstSeen: now - 5 },
      },
    ]);
    expect(rebuild?.bases).toEqual([{ name: "debian:12", digest: digest("b") }]);
  });

  it("is none where the image has it already, or was never built", () => {
    const same = { ...moved, to: moved.from };
    expect(planRebuilds(webFacts({}, { bases: [same] })).untouched).toMatchObject([{ image: "web" }]);
    const [[first] = []] = planRebuilds(webFacts({}, { bases: [moved], current: undefined })).waves;
    expect(first?.causes.map(({ cause }) => cause.kind)).toEqual(["source"]);
  });

  it("waits out its cool-down, and stays where it is in a rebuild for something else", () => {
    const early = { ...moved, readyAt: now + 1000 };
    expect(planRebuilds(webFacts({}, { bases: [early] })).held).toMatchObject([
      { image: "web", kind: "cool-down", until: now + 1000, reason: "a newer debian:12 in cool-down" },
    ]);
    const [[rebuild] = []] = planRebuilds(webFacts({ updates: patched }, { bases: [early] })).waves;
    expect(rebuild?.causes.map(({ cause }) => cause.kind)).toEqual(["package"]);
    expect(rebuild?.bases).toEqual([{ name: "debian:12", digest: digest("a") }]);
  });
});

describe("an image that wants security updates only", () => {
  it("is reached by what closes something, and left alone by the rest", () => {
    const zlib = madeUpdate("zlib1g", "1.3", { source: "zlib", security: false, baseline: true });
    const image = { securityOnly: true };
    expect(planRebuilds(webFacts({ updates: [zlib] }, image)).untouched).toMatchObject([{ image: "web" }]);
    const [[rebuild] = []] = planRebuilds(webFacts({ updates: [zlib, ...patched] }, image)).waves;
    expect(rebuild?.causes.map(({ key }) => key)).toEqual(["package:openssl:3.0.11-1"]);
    const closing = { ...zlib, advisories: ["CVE-2026-1"] };
    expect(waves(webFacts({ updates: [closing] }, image))).toEqual([["web"]]);
  });
});

describe("what came with a base of somebody else's", () => {
  const image = { inherited: { base: "debian:12", inventories: ["base"] } };
  const inventories = new Map([
    ["web", [madePackage("zlib1g", "1.2", { source: "zlib" })]],
    ["base", openssl],
  ]);

  it("starts no rebuild, which would not cure it, and is said", () => {
    const plan = planRebuilds(webFacts({ inventories, updates: patched }, image));
    expect(plan).toEqual({
      waves: [],
      held: [],
      keptOut: [],
      untouched: [{ image: "web", reason: "openssl came with debian:12, which has not moved: it waits for that" }],
    });
  });

  it("goes along with a rebuild for something else", () => {
    const zlib = madeUpdate("zlib1g", "1.3", { source: "zlib" });
    const [[rebuild] = []] = planRebuilds(webFacts({ inventories, updates: [...patched, zlib] }, image)).waves;
    expect(rebuild?.causes.map(({ key }) => key)).toEqual(["package:zlib:1.3"]);
  });
});

describe("an image whose source cannot be read", () => {
  it("is held with the reason, whatever asks for it, and its children with it", () => {
    const broken = { broken: "web: Dockerfile cannot be read", recipeKey: "new" };
    const child = madeImage("app", { parents: ["web"], recipeKey: "new" });
    const { waves: planned, held } = planRebuilds(
      webFacts({ images: [madeImage("web", broken), child], updates: patched }),
    );
    expect(planned).toEqual([]);
    expect(held.map(({ image, kind, reason }) => [image, kind, reason])).toEqual([
      ["web", "source", "web: Dockerfile cannot be read"],
      ["app", "parent", "its parent web is held"],
    ]);
  });
});

describe("cool-down", () => {
  const ordinary = { security: false, origin: "debian/release" };
  const zlib = madeUpdate("zlib1g", "1.3", { source: "zlib", ...ordinary });

  it("keeps an ordinary update waiting on our own clock, and says until when", () => {
    const plan = planRebuilds(webFacts({ updates: [zlib] }));
    expect(plan.waves).toEqual([]);
    expect(plan.held).toMatchObject([
      { image: "web", kind: "cool-down", until: now + policy.coolDown, reason: "zlib 1.3 in cool-down" },
    ]);
    expect(waves(webFacts({ updates: [zlib], now: now + policy.coolDown - 1 }))).toEqual([]);
    expect(waves(webFacts({ updates: [zlib], now: now + policy.coolDown }))).toEqual([["web"]]);
  });

  it("lets the first generation of a suite pass", () => {
    expect(waves(webFacts({ updates: [{ ...zlib, baseline: true }] }))).toEqual([["web"]]);
  });

  it("lets a security update pass, and holds back what has to wait in the same rebuild", () => {
    const [[web] = []] = planRebuilds(webFacts({ updates: [...patched, zlib] })).waves;
    expect(web?.causes.map(({ key }) => key)).toEqual(["package:openssl:3.0.11-1"]);
    expect(web?.holdBack).toEqual([{ name: "zlib1g", architecture: "amd64", from: "1.2", to: "1.3" }]);
  });

  it("takes the security fix and holds back the ordinary version that is newer still", () => {
    const newer = madeUpdate("libssl3", "3.0.12-1", ordinary);
    const [[web] = []] = planRebuilds(webFacts({ updates: [...patched, newer] })).waves;
    expect(web?.holdBack).toEqual([{ name: "libssl3", architecture: "amd64", from: "3.0.11-1", to: "3.0.12-1" }]);
  });

  it("is not begun anew by every newer version: what has waited long enough goes", () => {
    const updates = [
      { ...zlib, firstSeen: now - policy.coolDown },
      { ...zlib, version: "1.4", sourceVersion: "1.4" },
    ];
    const [[web] = []] = planRebuilds(webFacts({ updates })).waves;
    expect(web?.causes.map(({ key }) => key)).toEqual(["package:zlib:1.3"]);
    expect(web?.holdBack).toEqual([{ name: "zlib1g", architecture: "amd64", from: "1.3", to: "1.4" }]);
  });

  it("ends for the first of several versions, not for the newest", () => {
    const updates = [
      { ...zlib, firstSeen: now - 1000 },
      { ...zlib, version: "1.4", sourceVersion: "1.4" },
    ];
    expect(planRebuilds(webFacts({ updates })).held).toMatchObject([{ until: now - 1000 + policy.coolDown }]);
  });

  it("holds a package of every architecture back once where platforms differ", () => {
    const all = { architecture: "all", source: "zlib" };
    const inventories = new Map([
      ["web", [...openssl, madePackage("zlib-doc", "1.1", all)]],
      ["arm", [madePackage("zlib-doc", "1.2", all)]],
    ]);
    const image = { current: { digest: digest("a"), recipeKey: "recipe", inventories: ["web", "arm"] } };
    const updates = [...patched, madeUpdate("zlib-doc", "1.3", { ...all, ...ordinary })];
    const [[web] = []] = planRebuilds(webFacts({ updates, inventories }, image)).waves;
    expect(web?.holdBack).toEqual([{ name: "zlib-doc", architecture: "all", from: "1.2", to: "1.3" }]);
  });
});

describe("what an update closes", () => {
  it("is told by the version that an image holds, and is as urgent as that", () => {
    const closes = new Map([
      ["3.0.9-1", { advisories: ["CVE-2023-1"], urgent: ["CVE-2023-1"], exploited: [], vouched: [] }],
      ["3.0.8-1", { advisories: ["CVE-2022-1", "CVE-2023-1"], urgent: ["CVE-2023-1"], exploited: [], vouched: [] }],
    ]);
    const facts = webFacts({ updates: [madeUpdate("libssl3", "3.0.11-1", { closes })] });
    const from = (version: string) => ({
      ...facts,
      inventories: new Map(
        [...facts.inventories].map(([key, all]) => [
          key,
          all.map((one) => (one.name === "libssl3" ? { ...one, version } : one)),
        ]),
      ),
    });
    const seen = (version: string) => {
      const planned = planRebuilds(from(version)).waves[0]?.[0];
      const cause = planned?.causes[0]?.cause;
      return cause?.kind === "package" ? [planned?.lane, cause.advisories, cause.confirmed] : undefined;
    };
    expect(seen("3.0.9-1")).toEqual(["urgent", ["CVE-2023-1"], ["CVE-2023-1"]]);
    expect(seen("3.0.8-1")).toEqual(["urgent", ["CVE-2022-1", "CVE-2023-1"], ["CVE-2022-1", "CVE-2023-1"]]);
    expect(seen("3.0.10-1")).toEqual(["routine", [], undefined]);
  });
});

describe("what is offered to another release", () => {
  it("is nothing to an image, however new it is", () => {
    const images = [
      madeImage("web"),
      madeImage("next", { current: { digest: digest("a"), recipeKey: "recipe", inventories: ["next"] } }),
    ];
    const inventories = new Map([
      ["web", openssl],
      ["next", openssl],
    ]);
    const distroOf = new Map([
      ["web", "bookworm"],
      ["next", "trixie"],
    ]);
    const updates = patched.map((one) => ({ ...one, distro: "trixie" }));
    expect(waves(madeFacts({ images, inventories, distroOf, updates }))).toEqual([["next"]]);
  });
});

describe("the urgent lane", () => {
  it("is taken by an update that is known to be exploited, and by what a person asks for", () => {
    const lane = (facts: PlanFacts) => planRebuilds(facts).waves[0]?.[0]?.lane;
    expect(lane(webFacts({ updates: patched }))).toBe("routine");
    expect(lane(webFacts({ updates: [{ ...patched[0]!, urgent: true }] }))).toBe("urgent");
    expect(lane(webFacts({}, { requests: [person] }))).toBe("urgent");
  });

  it("is kept when a newer version, which is not urgent itself, brings the fix", () => {
    const fix = madeUpdate("libssl3", "3.0.10-1", { urgent: true, advisories: ["DSA-1-1"] });
    const [[web] = []] = planRebuilds(webFacts({ updates: [...patched, fix] })).waves;
    expect(web?.lane).toBe("urgent");
    expect(web?.causes[0]?.cause).toMatchObject({
      to: "3.0.11-1",
      advisories: ["CVE-2023-5363", "DSA-1-1", "DSA-5532-1"],
    });
  });
});

describe("an ordinary update in its cool-down", () => {
  const early = { security: false, firstSeen: now - 1 };
  const first = madeUpdate("libssl3", "3.0.10-1", early);
  const next = madeUpdate("libssl3", "3.0.11-1", early);
  const closing = (exploited: readonly string[], more: Partial<ClosedByUpdate> = {}) => {
    const advisories = [...new Set(["CVE-2099-0001", ...exploited])];
    return { closes: new Map([["3.0.9-1", { advisories, urgent: exploited, exploited, vouched: [], ...more }]]) };
  };

  it("goes at once, in the urgent lane, when it becomes known that what it closes is exploited", () => {
    expect(planRebuilds(webFacts({ updates: [first] })).held).toMatchObject([{ image: "web", kind: "cool-down" }]);
    const plain = planRebuilds(webFacts({ updates: [{ ...first, ...closing([]) }] }));
    expect(plain.held).toMatchObject([
      {
        image: "web",
        kind: "cool-down",
        until: now - 1 + policy.securityCoolDown,
        reason: "openssl 3.0.10-1 (CVE-2099-0001) in the short cool-down of what feeds call a security fix",
      },
    ]);
    const [[web] = []] = planRebuilds(webFacts({ updates: [{ ...first, ...closing(["CVE-2099-0001"]) }] })).waves;
    expect(web).toMatchObject({ lane: "urgent", holdBack: [] });
    expect(web?.causes[0]?.cause).toMatchObject({ to: "3.0.10-1", urgent: ["CVE-2099-0001"], security: false });
  });

  it("waits where somebody said that what it closes does not matter in the image, and in no other", () => {
    const updates = [{ ...first, ...closing(["CVE-2099-0001", "DSA-1-1"]) }];
    const facts = (...ids: string[]) => webFacts({ updates }, { accepted: new Map([["openssl", new Set(ids)]]) });
    expect(planRebuilds(facts("CVE-2099-0001", "DSA-1-1")).held).toMatchObject([{ image: "web", kind: "cool-down" }]);
    expect(waves(facts("CVE-2099-0001"))).toEqual([["web"]]);
    const both = facts("CVE-2099-0001", "DSA-1-1");
    const other = madeImage("other", { current: both.images[0]?.current });
    expect(waves({ ...both, images: [...both.images, other] })).toEqual([["other"]]);
  });

  it("goes as far as the cure, and what is newer still waits", () => {
    const updates = [first, next].map((one) => ({ ...one, ...closing(["CVE-2099-0001"]) }));
    const [[web] = []] = planRebuilds(webFacts({ updates })).waves;
    expect(web?.causes[0]?.cause).toMatchObject({ to: "3.0.10-1" });
    expect(web?.holdBack).toMatchObject([{ name: "libssl3", from: "3.0.10-1", to: "3.0.11-1" }]);
  });

  it("waits where a version that need not wait closes the same", () => {
    const cure = madeUpdate("libssl3", "3.0.9-2", closing(["CVE-2099-0001"]));
    const [[web] = []] = planRebuilds(webFacts({ updates: [cure, { ...next, ...closing(["CVE-2099-0001"]) }] })).waves;
    expect(web?.causes[0]?.cause).toMatchObject({ to: "3.0.9-2" });
    expect(web?.holdBack).toMatchObject([{ name: "libssl3", from: "3.0.9-2", to: "3.0.11-1" }]);
  });
});

describe("what feeds call a security fix", () => {
  const ids = ["CVE-2099-0001"];
  const update = (more: Partial<PackageUpdate>, closes: Partial<ClosedByUpdate> = {}): PackageUpdate =>
    madeUpdate("libssl3", "3.0.10-1", {
      security: false,
      closes: new Map([["3.0.9-1", { advisories: ids, urgent: [], exploited: [], vouched: [], ...closes }]]),
      ...more,
    });
  const weak = { urgent: ids };
  const vouched = { urgent: ids, vouched: ids };
  const exploited = { urgent: ids, exploited: ids };
  const nothing = { closes: new Map() };

  it.each<[string, PackageUpdate, PlanFacts["policy"]["exempt"], number]>([
    ["closes nothing", update(nothing), policy.exempt, policy.coolDown],
    ["is no more than a fix", update({}), policy.exempt, policy.securityCoolDown],
    ["is critical by one weak feed", update({}, weak), policy.exempt, policy.securityCoolDown],
    ["is critical by more", update({}, vouched), policy.exempt, 0],
    ["is known to be exploited", update({}, exploited), policy.exempt, 0],
    ["comes by a security suite", update({ ...nothing, security: true }), policy.exempt, 0],
    ["is critical by more, which is not exempt", update({}, vouched), ["exploited"], policy.securityCoolDown],
    ["is exploited, which is not exempt", update({}, exploited), ["critical"], policy.securityCoolDown],
    [
      "comes by a security suite, which is not exempt",
      update({ ...nothing, security: true }),
      [],
      policy.securityCoolDown,
    ],
    ["is the first that was seen", update({ ...nothing, baseline: true }), [], 0],
  ])("that %s waits as long as the policy says", (_, one, exempt, wait) => {
    const at = (elapsed: number) =>
      planRebuilds(webFacts({ updates: [one], now: now + elapsed, policy: { ...policy, exempt } }));
    expect(at(wait).waves.flat()).toMatchObject([{ image: "web" }]);
    if (wait > 0) expect(at(wait - 1).held).toMatchObject([{ kind: "cool-down", until: now + wait }]);
  });

  it("never waits longer than what nobody calls one", () => {
    const long = { ...policy, securityCoolDown: 9 * policy.coolDown };
    expect(waves(webFacts({ updates: [update({})], now: now + policy.coolDown, policy: long }))).toEqual([["web"]]);
  });

  it("is on record with how long it waited, and does not take what is newer along", () => {
    const newer = madeUpdate("libssl3", "3.0.11-1", { security: false, firstSeen: now + policy.securityCoolDown });
    const facts = webFacts({ updates: [update({}, weak), newer], now: now + policy.securityCoolDown });
    const [[web] = []] = planRebuilds(facts).waves;
    expect(web).toMatchObject({ lane: "urgent", holdBack: [{ from: "3.0.10-1", to: "3.0.11-1" }] });
    expect(web?.causes[0]?.cause).toMatchObject({ to: "3.0.10-1", coolDown: "short" });
    const [[other] = []] = planRebuilds(webFacts({ updates: [update({}, exploited)] })).waves;
    expect(other?.causes[0]?.cause).not.toHaveProperty("coolDown");
  });

  it("waits as others do in an image where somebody said that it does not matter", () => {
    const facts = webFacts({ updates: [update({})] }, { accepted: new Map([["openssl", new Set(ids)]]) });
    expect(planRebuilds(facts).held).toMatchObject([{ until: now + policy.coolDown }]);
  });
});

describe("holds", () => {
  const freeze = { who: "ann", reason: "freeze", image: "web", until: null };

  it("stop an image, those below it, and nothing else", () => {
    const images = [
      madeImage("web"),
      madeImage("app", { parents: ["web"], recipeKey: "new" }),
      madeImage("other", { recipeKey: "new" }),
    ];
    const plan = planRebuilds(webFacts({ images, updates: patched, holds: [freeze] }));
    expect(plan.held).toMatchObject([
      { image: "web", kind: "hold", until: undefined, reason: "freeze (ann)" },
      { image: "app", kind: "parent", reason: "its parent web is held" },
    ]);
    expect(plan.waves.flat().map(({ image }) => image)).toEqual(["other"]);
  });

  it("end by themselves, stop what a person asks for too, and of several the longest counts", () => {
    const until = now + 1000;
    const holds = [
      { ...freeze, until },
      { ...freeze, image: null, until: until + 1, reason: "fair" },
    ];
    expect(planRebuilds(webFacts({ holds }, { requests: [person] })).held).toMatchObject([
      { kind: "hold", until: until + 1, reason: "fair (ann)" },
    ]);
    expect(waves(webFacts({ holds, now: until + 1 }, { requests: [person] }))).toEqual([["web"]]);
  });
});

describe("what was rolled back", () => {
  const blocked = [{ name: "libssl3", architecture: "amd64", version: "3.0.11-1" }];

  it("does not come back with the next plan, until there is a newer one", () => {
    expect(planRebuilds(webFacts({ updates: patched }, { blocked })).held).toMatchObject([
      { kind: "quarantine", reason: "libssl3 3.0.11-1 was rolled back; it waits for a newer one" },
    ]);
    const newer = madeUpdate("libssl3", "3.0.12-1");
    expect(waves(webFacts({ updates: [...patched, newer] }, { blocked }))).toEqual([["web"]]);
  });

  it("comes back where a person asks for it", () => {
    expect(waves(webFacts({ updates: patched }, { blocked, requests: [person] }))).toEqual([["web"]]);
  });
});

describe("the breaker", () => {
  it("stops the rebuild that is one too many in an hour, but not a person's", () => {
    const recent = policy.maxRebuildsPerHour;
    expect(waves(webFacts({ updates: patched }, { recent: recent - 1 }))).toEqual([["web"]]);
    expect(planRebuilds(webFacts({ updates: patched }, { recent })).held).toMatchObject([{ kind: "breaker" }]);
    expect(waves(webFacts({ updates: patched }, { recent, requests: [person] }))).toEqual([["web"]]);
  });
});

describe("a rebuild that failed", () => {
  const failure = { at: now, count: 3, recipeKey: "recipe", causes: ["package:openssl:3.0.11-1"] };

  it.each([
    [1, 1],
    [2, 2],
    [3, 4],
    [9, 256],
    [10, 360],
    [1000, 360],
  ])("for the %ith time waits %i minutes", (count, minutes) => {
    expect(planRebuilds(webFacts({ updates: patched }, { failure: { ...failure, count } })).held).toMatchObject([
      { kind: "backoff", until: now + minutes * 60_000, reason: `it failed ${count} times for the same causes` },
    ]);
  });

  it("is tried at once for another cause, another recipe, or a person", () => {
    const another = madeUpdate("zlib1g", "1.3", { source: "zlib" });
    expect(waves(webFacts({ updates: [...patched, another] }, { failure }))).toEqual([["web"]]);
    expect(waves(webFacts({ updates: patched }, { failure, recipeKey: "new" }))).toEqual([["web"]]);
    expect(waves(webFacts({ updates: patched }, { failure, requests: [person] }))).toEqual([["web"]]);
  });
});

describe("a rebuild that changed nothing", () => {
  const settled = { recipeKey: "recipe", causes: ["package:openssl:3.0.11-1", "person:ann:to be sure"] };

  it("is not made again for the same causes", () => {
    expect(planRebuilds(webFacts({ updates: patched }, { settled })).untouched).toEqual([
      { image: "web", reason: "it was rebuilt for the same causes, and nothing changed" },
    ]);
    const newer = madeUpdate("libssl3", "3.0.12-1");
    expect(waves(webFacts({ updates: [newer] }, { settled }))).toEqual([["web"]]);
  });

  it("is made again for a person who asks again in the same words", () => {
    expect(waves(webFacts({}, { settled, requests: [person] }))).toEqual([["web"]]);
  });

  it("follows the next rebuild of its parent, having settled the last", () => {
    const withSettled = (facts: PlanFacts, causes: readonly string[]): PlanFacts => ({
      ...facts,
      images: [madeImage("web"), madeImage("app", { parents: ["web"], settled: { recipeKey: "recipe", causes } })],
    });
    const facts = webFacts({ updates: patched });
    const first = planRebuilds(withSettled(facts, [])).waves[1]?.[0]?.causes.map(({ key }) => key) ?? [];
    expect(waves(withSettled(facts, first))).toEqual([["web"]]);
    const next = webFacts({ updates: [madeUpdate("libssl3", "3.0.12-1")] });
    expect(waves(withSettled(next, first))).toEqual([["web"], ["app"]]);
  });
});

describe("recipes", () => {
  it("that changed, or were never built, are causes; an image that is as it should be is not touched", () => {
    const images = [
      madeImage("fresh", { current: undefined }),
      madeImage("changed", { recipeKey: "new" }),
      madeImage("same"),
    ];
    const plan = planRebuilds(madeFacts({ images }));
    expect(plan.waves[0]?.map(({ image, causes }) => [image, causes[0]?.cause])).toEqual([
      ["changed", { kind: "source", from: "recipe", to: "new" }],
      ["fresh", { kind: "source", from: undefined, to: "recipe" }],
    ]);
    expect(plan.untouched.map(({ image }) => image)).toEqual(["same"]);
  });
});

describe("facts in another order", () => {
  it("name the same origin of a version that two offer alike, and the same version that was rolled back", () => {
    const offers = ["b", "a"].map((origin) => madeUpdate("libssl3", "3.0.11-1", { origin }));
    const origins = [offers, offers.toReversed()].map(
      (updates) => planRebuilds(webFacts({ updates })).waves[0]?.[0]?.causes[0]?.cause,
    );
    expect(origins).toMatchObject([{ origin: "a" }, { origin: "a" }]);

    const blocked = patched.map(({ name, architecture, version }) => ({ name, architecture, version }));
    for (const packages of [openssl, openssl.toReversed()]) {
      const inventories = new Map([["web", packages]]);
      expect(planRebuilds(webFacts({ updates: patched, inventories }, { blocked })).held[0]?.reason).toMatch(
        /^libssl3 /,
      );
    }
  });
});

describe("odd fleets", () => {
  it("give an empty plan for no images", () => {
    expect(planRebuilds(madeFacts())).toEqual({ waves: [], held: [], keptOut: [], untouched: [] });
  });

  it("with parents that do not exist, that are themselves, or in a ring, end with each image once", () => {
    const image = (name: string, parent: string) => madeImage(name, { parents: [parent], recipeKey: "new" });
    const images = [image("a", "b"), image("b", "c"), image("c", "a"), image("self", "self"), image("orphan", "gone")];
    expect(waves(madeFacts({ images })).flat().sort()).toEqual(["a", "b", "c", "orphan", "self"]);
  });

  it("with a chain of 20,000 parents need no deep stack", () => {
    const images = Array.from({ length: 20_000 }, (_, at) =>
      madeImage(`i${at}`, { parents: at === 0 ? [] : [`i${at - 1}`], ...(at === 0 ? { recipeKey: "new" } : {}) }),
    );
    expect(planRebuilds(madeFacts({ images: images.reverse() })).waves.length).toBe(20_000);
  });
});
