import { describe, expect, it } from "vitest";
import { emptyTree, extendTree, readInventory } from "../inventory/index.ts";
import { makeLayer, type Sketch } from "../inventory/testdata/make-layer.ts";
import { createUniverse } from "../packages/index.ts";
import { readOriginal } from "./read-original.ts";
import { selectSwaps } from "./select-swaps.ts";
import type { Original, PatchPolicy, Selection } from "./types.ts";

type Fields = Readonly<Record<string, string>>;

function stanza(name: string, version: string, fields: Fields = {}): string {
  const all = { Package: name, Architecture: "amd64", Version: version, ...fields };
  return Object.entries(all)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join("");
}

/** An image with these packages installed. */
function image(packages: readonly string[], more: readonly Sketch[] = []): Original {
  const status = packages
    .map((text) => `${/^Status:/m.test(text) ? text : text.replace("\n", "\nStatus: install ok installed\n")}\n`)
    .join("");
  const tree = extendTree(
    emptyTree,
    makeLayer("image", [
      { path: "etc/os-release", text: "ID=debian\nVERSION_CODENAME=bookworm\n" },
      { path: "var/lib/dpkg/status", text: status },
      ...more,
    ]),
  );
  const read = readOriginal(tree, readInventory(tree, { os: "linux", architecture: "amd64" }));
  if (read.kind === "refused") throw new Error(read.reasons.join("; "));
  return read.original;
}

function select(original: Original, offers: readonly string[], policy: Partial<PatchPolicy> = {}): Selection {
  const text = offers.map((each) => `${each}Filename: pool/x.deb\nSize: 1\nSHA256: ${"0".repeat(64)}\n\n`).join("");
  const universe = createUniverse("amd64", [{ origin: "security", bytes: Buffer.from(text) }]);
  return selectSwaps(original, universe, { changedConffile: "keep", ...policy });
}

const swaps = (selection: Selection): string[] =>
  selection.kind === "swaps"
    ? selection.swaps.map(({ name, from, to }) => `${name} ${from ?? "-"} ${to}`)
    : [JSON.stringify(selection)];

describe("selectSwaps", () => {
  it("takes what is newer, and never what is older", () => {
    const original = image([stanza("a", "1"), stanza("b", "2"), stanza("c", "1")]);
    expect(swaps(select(original, [stanza("a", "2"), stanza("b", "1")]))).toEqual(["a 1 2"]);
    expect(select(original, [stanza("b", "1")]).kind).toBe("nothing");
  });

  it("takes the other packages of a source along, and what a new version breaks", () => {
    const original = image([
      stanza("a", "1", { Source: "s" }),
      stanza("b", "1", { Source: "s" }),
      stanza("c", "1"),
      stanza("d", "1"),
    ]);
    const offers = [
      stanza("a", "2", { Source: "s", Breaks: "c (<< 2)" }),
      stanza("b", "2", { Source: "s" }),
      stanza("c", "2"),
      stanza("d", "2"),
    ];
    const wanted = [{ source: "s", fixed: "2" }];
    expect(swaps(select(original, offers, { wanted }))).toEqual(["a 1 2", "b 1 2", "c 1 2"]);
  });

  it("leaves what is fixed already, and says what no suite has", () => {
    const original = image([stanza("a", "1:1.0-1")]);
    const offers = [stanza("a", "1:1.0-2")];
    expect(select(original, offers, { wanted: [{ source: "a", fixed: "1:1.0-1" }] }).kind).toBe("nothing");
    const far = select(original, offers, { wanted: [{ source: "a", fixed: "1:1.0-3" }] });
    expect(far).toMatchObject({
      kind: "swaps",
      notes: ["a 1:1.0-1 needs 1:1.0-3 of a, which no suite of the image offers yet"],
    });
  });

  it("moves nothing that is on hold", () => {
    const held = stanza("a", "1", { Status: "hold ok installed" });
    const original = image([held, stanza("b", "1")]);
    const offers = [stanza("a", "2"), stanza("b", "2", { Breaks: "a (<< 2)" })];
    expect(swaps(select(image([held, stanza("c", "1")]), [stanza("a", "2"), stanza("c", "2")]))).toEqual(["c 1 2"]);
    expect(select(original, offers)).toEqual({
      kind: "refused",
      reasons: ["a would have to go to 2, since b 2 rejects a (<< 2); but it is on hold"],
    });
    expect(select(original, offers, { wanted: [{ source: "a" }] })).toEqual({
      kind: "refused",
      reasons: ["a should go to 2, but it is on hold"],
    });
  });

  it("never removes what a new package cannot stand beside", () => {
    const original = image([stanza("a", "1"), stanza("old", "1")]);
    const outcome = select(original, [stanza("a", "2", { Depends: "new" }), stanza("new", "1", { Conflicts: "old" })]);
    expect(outcome).toMatchObject({ kind: "refused", reasons: [expect.stringContaining("it rejects old")] });
  });

  it("chooses what is there before what would come", () => {
    const original = image([stanza("a", "1"), stanza("mawk", "1", { Provides: "awk" })]);
    const offers = [stanza("a", "2", { Depends: "gawk | awk" }), stanza("gawk", "1", { Provides: "awk" })];
    expect(swaps(select(original, offers))).toEqual(["a 1 2"]);
  });

  it("reads relations on installed packages as they are, whatever suites offer now", () => {
    const original = image([stanza("a", "1"), stanza("lib", "1", { Provides: "lib-abi (= 5)" })]);
    expect(swaps(select(original, [stanza("a", "2", { Depends: "lib-abi (= 5)" })]))).toEqual(["a 1 2"]);
    expect(select(original, [stanza("a", "2", { Depends: "lib-abi (>= 6)" })]).kind).toBe("refused");
  });

  it("refuses packages of two architectures that must be the same version", () => {
    const twin = stanza("a", "1", { Architecture: "i386", "Multi-Arch": "same" });
    const original = image([stanza("a", "1", { "Multi-Arch": "same" }), stanza("b", "1"), twin]);
    expect(select(original, [stanza("a", "2", { "Multi-Arch": "same" })])).toMatchObject({
      kind: "refused",
      reasons: ["a is installed for amd64 and i386, which must be the same version"],
    });
    expect(swaps(select(original, [stanza("b", "2")]))).toEqual(["b 1 2"]);
  });
});
