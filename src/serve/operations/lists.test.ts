import { describe, expect, it as plainIt } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { parseConfig, type Config } from "../../core/config/index.ts";
import { declareImages, planned } from "../../io/store/testdata/given.ts";
import { parseInput } from "../../operation/index.ts";
import { formatCursor, parseNameCursor, parseRowCursor } from "./cursor.ts";
import { createLists } from "./lists.ts";

const names = Array.from({ length: 7 }, (_, index) => `image-${index}`);
const config = readConfig({
  version: 1,
  upstreams: { debian: { kind: "debian", codename: "bookworm" } },
  environments: [{ name: "staging" }, { name: "production" }],
  images: Object.fromEntries(
    names.map((name, index) => [
      name,
      {
        recipe: "packages",
        upstream: "debian",
        packages: ["curl"],
        labels: { team: index % 2 === 0 ? "even" : "odd" },
      },
    ]),
  ),
});

function readConfig(written: object): Config {
  const parsed = parseConfig(JSON.stringify(written), {});
  if (parsed.kind === "ok") return parsed.config;
  throw new Error(parsed.problems.map(({ message }) => message).join("; "));
}

describeStores("lists", ({ it, store, clock }) => {
  const lists = () => createLists({ config, store: store() });
  const all = async <Item>(
    ask: (cursor: { cursor?: string }) => Promise<{ items: Item[]; next: string | null }>,
  ): Promise<{ items: Item[]; pages: number }> => {
    const items: Item[] = [];
    let pages = 0;
    for (let cursor: string | null | undefined; cursor !== null; pages += 1) {
      const page = await ask(cursor === undefined ? {} : { cursor });
      items.push(...page.items);
      cursor = page.next;
    }
    return { items, pages };
  };

  it("gives every image once, by name, whatever the size of a page", async () => {
    for (const limit of [1, 3, 7, 500]) {
      const { items, pages } = await all((cursor) => lists().images(parseInput("images", { limit, ...cursor })));
      expect(items.map(({ name }) => name)).toEqual(names);
      expect(pages).toBe(Math.ceil(names.length / limit));
    }
  });

  it("leaves out what a filter leaves out", async () => {
    const ask = async (input: object) =>
      (await lists().images(parseInput("images", input))).items.map(({ name }) => name);
    expect(await ask({ name: "ge-3" })).toEqual(["image-3"]);
    expect(await ask({ labels: ["team=odd"] })).toEqual(["image-1", "image-3", "image-5"]);
    expect(await ask({ labels: ["team=nobody"] })).toEqual([]);
    expect(await ask({ labels: [] })).toEqual([]);
    expect(await ask({ recipe: "upstream" })).toEqual([]);
    expect(await ask({ environment: "production" })).toEqual([]);
  });

  it("goes on behind the last row, also among rebuilds of one moment and while new ones come", async () => {
    await declareImages(store(), ...names);
    await store().savePlan({ detail: {}, rebuilds: names.slice(0, 5).map((name) => planned(name)) });
    const first = await lists().rebuilds(parseInput("rebuilds", { limit: 2 }));
    clock.advance(1000);
    await store().savePlan({ detail: {}, rebuilds: names.slice(5).map((name) => planned(name)) });
    const rest = await all((cursor) =>
      lists().rebuilds(
        parseInput("rebuilds", { limit: 2, ...(cursor.cursor === undefined ? { cursor: first.next } : cursor) }),
      ),
    );
    const seen = [...first.items, ...rest.items].map(({ image }) => image);
    expect([...seen].sort()).toEqual(names.slice(0, 5));
    const odd = await lists().rebuilds(parseInput("rebuilds", { labels: ["team=odd"] }));
    expect(odd.items.map(({ image }) => image).sort()).toEqual(["image-1", "image-3", "image-5"]);
    const one = await lists().rebuilds(parseInput("rebuilds", { labels: ["team=odd"], image: "image-0" }));
    expect(one).toEqual({ items: [], next: null });
    expect((await lists().rebuilds(parseInput("rebuilds", { state: "failed" }))).items).toEqual([]);
    expect((await lists().promotions(parseInput("promotions", {}))).items).toEqual([]);
  });
});

describe("a cursor", () => {
  plainIt("comes back as it was given", () => {
    const id = "6f0c1d52-0000-4000-8000-000000000000";
    expect(parseRowCursor(formatCursor([1_700_000_000_000, id]))).toEqual({ createdAt: 1_700_000_000_000, id });
    expect(parseNameCursor(formatCursor(["web"]))).toBe("web");
  });

  plainIt.each([
    "x",
    "eyJ9",
    formatCursor([]),
    formatCursor(["1; drop table rebuild", "x"]),
    formatCursor([1e300, "6f0c1d52-0000-4000-8000-000000000000"]),
    Buffer.from('{"__proto__":1}').toString("base64url"),
    "../../etc",
  ])("that is none is refused: %s", (text) => {
    expect(() => parseRowCursor(text)).toThrow(expect.objectContaining({ code: "BAD_INPUT" }));
  });
});
