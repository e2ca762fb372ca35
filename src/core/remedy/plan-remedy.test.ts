import { describe, expect, it } from "vitest";
import type { RemedyBase, RemedyImage } from "./facts.ts";
import { planRemedy } from "./plan-remedy.ts";
import { digest, layerOf, madeFacts, madeFinding, madeImage, now, offersOf } from "./testdata/made-remedy.ts";

const day = 86_400_000;
const cured = { version: "3", from: "debian/security", since: now - day };
const parent = (over: Partial<RemedyBase> = {}): RemedyBase =>
  ({ kind: "own", digest: digest("d"), since: now - day, ...over }) as RemedyBase;
const holds = (version: string, at: number): Pick<RemedyImage, "find"> => ({
  find: (place) => ({ ...place, version, sourceVersion: version, layer: layerOf(at) }),
});

describe("a package of an image's own layers", () => {
  it("is cured by a rebuild where its suites offer a version that is not touched", () => {
    const image = madeImage("web", { offers: () => offersOf(["3"]) });
    expect(planRemedy(madeFinding(), madeFacts([image]))).toEqual({ kind: "rebuild", image: "web", offered: cured });
  });

  it("takes what need not wait before what is newer and does", () => {
    const image = madeImage("web", { offers: () => offersOf(["4", true], ["3"]) });
    expect(planRemedy(madeFinding(), madeFacts([image]))).toMatchObject({ offered: { version: "3" } });
    const later = madeImage("web", { offers: () => offersOf(["4", true], ["2"]) });
    expect(planRemedy(madeFinding(), madeFacts([later]))).toMatchObject({ offered: { version: "4" } });
  });

  it("waits where the newest that is offered is touched too, and says so", () => {
    const image = madeImage("web", { offers: () => offersOf(["2"]) });
    expect(planRemedy(madeFinding(), madeFacts([image]))).toEqual({
      kind: "wait-upstream",
      since: now - 30 * day,
      reason: "debian/security offers 2, which is touched by it too",
    });
    const strange = madeImage("web", { offers: () => offersOf(["0"]) });
    expect(planRemedy(madeFinding(), madeFacts([strange]))).toMatchObject({
      kind: "wait-upstream",
      reason: "debian/security offers 0, which may be touched by it too",
    });
  });

  it("is patched in an image of somebody else's", () => {
    const image = madeImage("nginx", { recipe: "upstream", offers: () => offersOf(["3"]) });
    expect(planRemedy(madeFinding(), madeFacts([image]))).toMatchObject({ kind: "patch", image: "nginx" });
  });

  it("goes by the advisory's own word where nobody asks the suites", () => {
    const image = madeImage("web", { offers: () => ({ kind: "not-asked" }) });
    expect(planRemedy(madeFinding({ type: "apk" }), madeFacts([image]))).toEqual({
      kind: "rebuild",
      image: "web",
      offered: { version: "3", from: "the word of CVE-2099-0001", since: undefined },
    });
    expect(planRemedy(madeFinding({ fixed: undefined }), madeFacts([image]))).toMatchObject({
      kind: "wait-upstream",
      reason: "no version of openssl that cures it is known",
    });
  });
});

describe("a package of an own base", () => {
  const child = madeImage("app", { recipe: "dockerfile", base: parent(), inherits: () => true, mayRebase: true });

  it("is cured at the lowest image that owns it, however deep that lies", () => {
    const middle = madeImage("web", { base: parent(), inherits: () => true, ...holds("1", 1) });
    const root = madeImage("base", { offers: () => offersOf(["3"]), ...holds("1", 2) });
    expect(planRemedy(madeFinding(), madeFacts([child, middle, root]))).toMatchObject({
      kind: "rebuild",
      image: "base",
    });
  });

  it("needs only the base that is there where that is cured already", () => {
    const root = madeImage("base", holds("3", 1));
    const offered = { version: "3", from: "base", since: now - day };
    expect(planRemedy(madeFinding(), madeFacts([child, root]))).toEqual({
      kind: "rebase",
      image: "app",
      onto: digest("d"),
      offered,
    });
    const built = { ...child, mayRebase: false };
    expect(planRemedy(madeFinding(), madeFacts([built, root]))).toEqual({ kind: "rebuild", image: "app", offered });
    const gone = madeImage("base");
    expect(planRemedy(madeFinding(), madeFacts([child, gone]))).toMatchObject({
      kind: "rebase",
      offered: { version: undefined, from: "base" },
    });
  });

  it("is renewed by the child's own build where the base does not bring it", () => {
    const root = madeImage("base", holds("1", 1));
    const renewing = { ...child, renews: () => true, offers: () => offersOf(["3"]) };
    expect(planRemedy(madeFinding(), madeFacts([renewing, root]))).toMatchObject({ kind: "rebuild", image: "app" });
  });
});

describe("a package of somebody else's base", () => {
  const base = (moved: Extract<RemedyBase, { kind: "others" }>["moved"]): RemedyBase => ({
    kind: "others",
    name: "docker.io/library/debian:12",
    moved,
  });
  const on = (moved: Extract<RemedyBase, { kind: "others" }>["moved"], over: Partial<RemedyImage> = {}): RemedyImage =>
    madeImage("web", {
      recipe: "dockerfile",
      inherits: () => true,
      mayRebase: true,
      base: base(moved),
      offers: () => offersOf(["3"]),
      ...over,
    });
  const movedTo = (version: string | undefined) => ({
    digest: digest("e"),
    since: now - day,
    find: () => (version === undefined ? undefined : { version, sourceVersion: version }),
  });

  it("needs the base to move, and no rebuild before it does", () => {
    expect(planRemedy(madeFinding(), madeFacts([on(undefined)]))).toMatchObject({
      kind: "wait-upstream",
      reason: "it came with docker.io/library/debian:12, which has not moved",
    });
  });

  it("goes onto the newer base that holds the cure", () => {
    expect(planRemedy(madeFinding(), madeFacts([on(movedTo("3"))]))).toEqual({
      kind: "rebase",
      image: "web",
      onto: digest("e"),
      offered: { version: "3", from: "docker.io/library/debian:12", since: now - day },
    });
    expect(planRemedy(madeFinding(), madeFacts([on(movedTo(undefined))]))).toMatchObject({
      kind: "rebase",
      offered: { version: undefined },
    });
  });

  it("waits where the newer base has the same flaw, or nobody knows what it holds", () => {
    expect(planRemedy(madeFinding(), madeFacts([on(movedTo("2"))]))).toMatchObject({
      kind: "wait-upstream",
      reason: "it came with docker.io/library/debian:12, whose newest digest has 2",
    });
    const unread = { ...movedTo("3"), find: undefined };
    expect(planRemedy(madeFinding(), madeFacts([on(unread)]))).toMatchObject({ kind: "wait-upstream" });
  });

  it("is brought up to date by the image's own upgrade, or by a patch", () => {
    expect(planRemedy(madeFinding(), madeFacts([on(undefined, { renews: () => true })]))).toMatchObject({
      kind: "rebuild",
      offered: cured,
    });
    const mirrored = on(undefined, { recipe: "upstream", patches: "security" });
    expect(planRemedy(madeFinding(), madeFacts([mirrored]))).toMatchObject({ kind: "patch", offered: cured });
    const plain = on(undefined, { recipe: "upstream", patches: "none" });
    expect(planRemedy(madeFinding(), madeFacts([plain]))).toMatchObject({ kind: "wait-upstream" });
  });

  it("leaves a language's package in it to its owner", () => {
    const finding = madeFinding({ type: "npm", package: "tar", source: "tar" });
    expect(planRemedy(finding, madeFacts([on(undefined, { renews: () => true })]))).toMatchObject({
      kind: "wait-upstream",
      reason: "it came with docker.io/library/debian:12, which has not moved",
    });
  });
});

describe("an image that is only looked at", () => {
  const alone = (inherits: boolean) =>
    madeImage("registry.example/app:1", {
      recipe: "unknown",
      base: { kind: "unknown" },
      inherits: () => inherits,
      offers: () => offersOf(["3"]),
    });

  it("is to be rebuilt for what its own layers brought, and put onto a newer base for what its first brought", () => {
    expect(planRemedy(madeFinding(), madeFacts([alone(false)]))).toMatchObject({ kind: "rebuild", offered: cured });
    expect(planRemedy(madeFinding(), madeFacts([alone(true)]))).toEqual({
      kind: "rebase",
      image: "registry.example/app:1",
      onto: undefined,
      offered: cured,
    });
  });
});

describe("what nothing cures", () => {
  const image = madeImage("web");

  it("tells which version it waits for, and what the distribution decided", () => {
    const wait = (over: Parameters<typeof madeFinding>[0]) => planRemedy(madeFinding(over), madeFacts([image]));
    expect(wait({})).toMatchObject({ reason: "openssl 3 cures it, and is not offered yet" });
    expect(wait({ judgement: "no-dsa" })).toMatchObject({
      kind: "wait-upstream",
      reason: "the distribution gives it no update of its own: a point release may bring it",
    });
    expect(wait({ judgement: "ignored", published: undefined })).toMatchObject({ since: undefined });
    expect(wait({ malicious: true, fixed: undefined })).toMatchObject({ reason: expect.stringContaining("remove it") });
  });

  it("wants another base where the distribution's support has ended, unless the cure is still to be had", () => {
    const release = { product: "Debian", version: "9", codename: "stretch" };
    const successor = { product: "Debian", version: "13", codename: "trixie" };
    const support = { kind: "ended", release, since: now - day, successor } as const;
    expect(planRemedy(madeFinding(), madeFacts([image], 3, { support }))).toMatchObject({
      kind: "replace-base",
      image: "web",
      successor: "Debian 13 (trixie)",
    });
    const late = madeImage("web", { offers: () => offersOf(["3"]) });
    expect(planRemedy(madeFinding(), madeFacts([late], 3, { support }))).toMatchObject({ kind: "rebuild" });
    const language = madeFinding({ type: "npm" });
    expect(planRemedy(language, madeFacts([image], 3, { support })).kind).toBe("wait-upstream");
  });

  it("wants another base where the distribution has given the package up", () => {
    expect(planRemedy(madeFinding({ judgement: "end-of-life" }), madeFacts([image]))).toMatchObject({
      kind: "replace-base",
      successor: "Debian 13 (trixie)",
      reason: "the distribution does not look after this package any more",
    });
  });
});
