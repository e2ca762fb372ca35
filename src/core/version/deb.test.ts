import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import { compareDeb, compareDebText, isDebVersion, parseDeb } from "./index.ts";

const vectors = new URL("../../../../shared/data/versions/debian.osv-scalibr.tsv", import.meta.url);
const signs: Readonly<Record<string, number>> = { "<": -1, "=": 0, ">": 1 };

function both(a: string, b: string): number[] {
  return [Math.sign(compareDeb(parseDeb(a), parseDeb(b))), Math.sign(compareDebText(a, b))];
}

describe("compareDeb", () => {
  it.each([
    ["1.0~rc1", "<", "1.0"],
    ["5.6.1+really5.4.5-1", ">", "5.6.1-1"],
    ["1:0.9", ">", "1.0"],
    ["1.0-0", "=", "1.0"],
    ["1.0", "<", "1.0+b1"],
    ["1.0a", "<", "1.0+"],
    ["1.001", "=", "1.1"],
    ["99999999999999999999999999", ">", "99999999999999999999999998"],
    ["1.2-3-4", ">", "1.2-3-3"],
    ["2:1:0-1", ">", "2:1-1"],
  ])("%s %s %s", (a, op, b) => expect(both(a, b)).toEqual([signs[op], signs[op]]));

  it.each(["", "1_0", "1.0 ", "x:1", "1.0\u0000"])("refuses %j", (text) => expect(isDebVersion(text)).toBe(false));

  needs(existsSync(vectors) ? undefined : "the shared version vectors are not beside the project")(
    "orders every vector",
    () => {
      const wrong = readFileSync(vectors, "utf8")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"))
        .filter((line) => {
          const [a = "", op = "", b = ""] = line.split("\t");
          return both(a, b).some((sign) => sign !== signs[op]);
        });
      expect(wrong).toEqual([]);
    },
  );

  needs(spawnSync("dpkg", ["--version"]).status === 0 ? undefined : "dpkg is not installed")(
    "orders 10,000 random pairs as dpkg does",
    () => {
      const pairs = Array.from({ length: 10_000 }, (_, seed) => pairOf(seed + 1));
      const script = pairs.map(
        ([a, b]) =>
          `dpkg --compare-versions '${a}' lt '${b}' && echo l || { dpkg --compare-versions '${a}' eq '${b}' && echo e || echo g; }`,
      );
      const sample = process.env["TIDEMILL_TEST_REQUIRE"] === "all" ? script : script.slice(0, 1000);
      const answers = execFileSync("sh", { input: sample.join("\n"), encoding: "utf8", maxBuffer: 1e8 })
        .trim()
        .split("\n");
      const wrong = answers.flatMap((answer, at) => {
        const [a, b] = pairs[at] ?? ["", ""];
        const sign = { l: -1, e: 0, g: 1 }[answer];
        return both(a, b).every((ours) => ours === sign) ? [] : [`${a} ${answer} ${b}`];
      });
      expect(wrong).toEqual([]);
    },
    120_000,
  );
});

/** Two versions that share a beginning, so that most pairs are hard. */
function pairOf(seed: number): [string, string] {
  let state = seed * 2_654_435_761;
  const next = (below: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) >>> 0;
    return state % below;
  };
  const alphabet = "0019a~+.bZ";
  const tail = (length: number): string =>
    Array.from({ length }, () => alphabet[next(alphabet.length)] ?? "0").join("");
  const head = `${next(3) === 0 ? `${next(2)}:` : ""}${next(10)}${tail(next(5))}`;
  const version = (): string => `${head}${tail(next(4))}${next(2) === 0 ? `-${next(10)}${tail(next(3))}` : ""}`;
  return [version(), version()];
}
