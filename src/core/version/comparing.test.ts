import { array, assert, constantFrom, nat, oneof, property, string, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { rangeSchemes, versionSchemes, type RangeScheme, type VersionScheme } from "./index.ts";
import { alphabets, randomOrders, type AlphabetName } from "./testdata/random-questions.ts";

const names = Object.keys(versionSchemes) as (keyof typeof versionSchemes)[];
/** Longer than any limit, and long enough that what is not linear would be seen. */
const hostileLengths = [300, 500, 1000, 4000, 100_000];
const hostilePieces = [
  ..."0 1 a . - + ~ ^ _ : , | = > < ! * [ ( ] ) v x @ # \t \u0000 é \u{1f600} \u0661".split(" "),
  ..."1. .1 a1 1a -1 -a 1- 0. .. -- ~~ rc 1.0- .x || ^1 >= [1, (,1], 1.0, 1! +a. _p1 -r1 post1. .dev v= dev- .* 01. @dev".split(
    " ",
  ),
  " ",
  "= ",
  "> 1 ",
  "1 - 2 ",
  " as ",
  "1.2.3 ",
];

describe.each(names)("the order of %s", (name) => {
  const scheme: VersionScheme = versionSchemes[name];
  const { heads, tokens } = alphabets[name as AlphabetName];
  const text = tuple(constantFrom<string>(...heads), array(constantFrom<string>(...tokens), { maxLength: 5 })).map(
    ([head, rest]) => head + rest.join(""),
  );
  // Maven's own order has cycles, of versions with words between dots; it has none of versions as people make them.
  const usual = tuple(
    array(nat(11), { minLength: 1, maxLength: 4 }),
    constantFrom("", "-alpha", "-beta-2", "-RC1", "-rc2", "-SNAPSHOT", ".Final", "-ga", "-sp1", "-M3", "-jre"),
  ).map(([numbers, qualifier]) => numbers.join(".") + qualifier);
  const version = (name === "maven" ? usual : text)
    .map((one) => ({ one, parsed: scheme.parse(one) }))
    .filter(({ parsed }) => parsed !== undefined);
  const sign = (a: unknown, b: unknown): number => Math.sign(scheme.compare(a, b));

  it("is the other way round the other way round", () => {
    assert(
      property(text, text, (a, b) => {
        const [first, second] = [scheme.parse(a), scheme.parse(b)];
        if (first === undefined || second === undefined) return;
        expect(sign(first, second) + sign(second, first)).toBe(0);
        expect(sign(first, scheme.parse(a))).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });

  it("is transitive", () => {
    assert(
      property(version, version, version, (...three) => {
        const [low, middle, high] = three.map(({ parsed }) => parsed).toSorted(sign);
        expect(sign(low, middle)).toBeLessThanOrEqual(0);
        expect(sign(middle, high)).toBeLessThanOrEqual(0);
        expect(sign(low, high)).toBe(Math.min(sign(low, middle), sign(middle, high)));
      }),
      { numRuns: 2000 },
    );
  });

  it("takes any text, and never long", () => {
    const ranges: RangeScheme = rangeSchemes[name];
    const sample = versionsOf(name)[0];
    const read = (one: string): void => {
      const parsed = scheme.parse(one);
      const range = ranges.parse(one);
      if (parsed !== undefined) scheme.compare(parsed, sample);
      if (range !== undefined) ranges.isIn(parsed ?? sample, range);
    };
    assert(property(oneof(string({ unit: "binary", maxLength: 600 }), text), read), { numRuns: 2000 });
    for (const name of ["__proto__", "constructor", "toString", "1.0.0-__proto__", "^constructor", ""]) read(name);
    const slow = hostilePieces.flatMap((piece) =>
      hostileLengths.flatMap((length) =>
        ["", "1", "1.0.0-", "1.2.3 "].flatMap((head) =>
          ["", "!", "1"].flatMap((tail) => {
            const hostile = head + piece.repeat(Math.ceil(length / piece.length)) + tail;
            // A machine that is busy stops us now and then, but not each time.
            let took = Number.POSITIVE_INFINITY;
            for (let tries = 0; took > 200 && tries < 5; tries += 1) {
              const start = performance.now();
              read(hostile);
              took = performance.now() - start;
            }
            return took > 200 ? [`${head}(${JSON.stringify(piece)} × ${length})${tail}: ${Math.round(took)} ms`] : [];
          }),
        ),
      ),
    );
    expect(slow).toEqual([]);
  });

  it("allocates nothing when versions are compared, a million times", () => {
    const versions = versionsOf(name);
    const compareMany = (times: number): number => {
      let sum = 0;
      for (let at = 0; at < times; at += 1) {
        sum += scheme.compare(versions[at % versions.length], versions[(at * 7 + 1) % versions.length]) < 0 ? 1 : 0;
      }
      return sum;
    };
    compareMany(300_000);
    // One object for each comparison would be 1.6 MB or more a round: the heap would grow by that, or shrink where it is collected,
    // in every round. What else the process does disturbs a few.
    const grown = Array.from({ length: 10 }, () => {
      const before = process.memoryUsage().heapUsed;
      compareMany(100_000);
      return process.memoryUsage().heapUsed - before;
    });
    expect(grown.filter((bytes) => Math.abs(bytes) > 400_000).length, `grown by ${grown.join(", ")}`).toBeLessThan(5);
  });
});

/** A thousand different versions, parsed. */
function versionsOf(name: keyof typeof versionSchemes): unknown[] {
  const scheme: VersionScheme = versionSchemes[name];
  return [...randomOrders(name, 2000)]
    .flatMap(({ first, second }) => [first, second])
    .map((one) => scheme.parse(one))
    .filter((one) => one !== undefined)
    .slice(0, 1000);
}
