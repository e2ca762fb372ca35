import { describe, expect, it } from "vitest";
import { createLoadedImages } from "./loaded-images.ts";

describe("createLoadedImages", () => {
  it("loads an image once, keeps the last ones, and lets go of the others", async () => {
    const log: string[] = [];
    const images = createLoadedImages(2, async (name) => void log.push(`remove ${name}`));
    const use = (key: string) =>
      images.use(
        key,
        async () => {
          log.push(`load ${key}`);
          return `name-${key}`;
        },
        async (name) => name,
      );
    expect(await use("a")).toBe("name-a");
    await use("b");
    await use("a");
    await use("c");
    expect(log).toEqual(["load a", "load b", "load c", "remove name-b"]);
    await images.clear();
    expect(log.slice(4)).toEqual(["remove name-a", "remove name-c"]);
  });

  it("never lets go of one in use, and loads for two at once a single time", async () => {
    const log: string[] = [];
    const images = createLoadedImages(0, async (name) => void log.push(`remove ${name}`));
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    let loads = 0;
    const use = () =>
      images.use(
        "a",
        async () => {
          loads += 1;
          return "a";
        },
        () => gate,
      );
    const both = [use(), use()];
    await images.clear();
    expect(log).toEqual([]);
    release();
    await Promise.all(both);
    expect([loads, log]).toEqual([1, ["remove a"]]);
  });

  it("leaves it to those who still use it when the work of one fails, and loads anew for others", async () => {
    const log: string[] = [];
    const images = createLoadedImages(2, async (name) => void log.push(`remove ${name}`));
    let loads = 0;
    const use = <T>(work: (name: string) => Promise<T>) => images.use("a", async () => `a${(loads += 1)}`, work);
    let release: () => void = () => undefined;
    const slow = use(() => new Promise<void>((resolve) => (release = resolve)));
    await expect(use(() => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
    expect(log).toEqual([]);
    expect(await use(async (name) => name)).toBe("a2");
    release();
    await slow;
    expect(log).toEqual(["remove a1"]);
    await images.clear();
    expect(log).toEqual(["remove a1", "remove a2"]);
  });

  it("loads anew what could not be loaded", async () => {
    const images = createLoadedImages(2, async () => undefined);
    await expect(
      images.use(
        "a",
        () => Promise.reject(new Error("no")),
        async () => 1,
      ),
    ).rejects.toThrow("no");
    expect(
      await images.use(
        "a",
        async () => "a",
        async (name) => name,
      ),
    ).toBe("a");
  });
});
