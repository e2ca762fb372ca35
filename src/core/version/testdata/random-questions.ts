import { versionSchemes } from "../index.ts";

/** What one asks a format's own tool: the order of two versions, or whether a version is in a range. */
export type Question =
  | { readonly kind: "order"; readonly first: string; readonly second: string }
  | { readonly kind: "range"; readonly range: string; readonly version: string };

/** What texts of a format are made of, so that most of what is made at random is near to something right. */
interface Alphabet {
  readonly heads: readonly string[];
  readonly tokens: readonly string[];
  /** Operators of a range; none where a tool cannot be asked of ranges. */
  readonly operators: readonly string[];
  /** What stands between the parts of a range. */
  readonly separators: readonly string[];
  /** Ends of a range's parts that no version has. */
  readonly tails?: readonly string[];
  /** Ranges in brackets, by their two ends: `[`, `)`. */
  readonly brackets?: boolean;
}

const numbers = [
  "0", "1", "2", "9", "10", "00", "01", "007", "19", "20240131", "99999999999999999", "18446744073709551616",
];
const small = ["0", "1", "2", "3", "10", "1.0", "1.2", "1.2.3", "0.0.1", "0.1.0", "1.0.0", "2.0", "0.0"];
const long = ["1".repeat(40), "0".repeat(30), `${"0".repeat(20)}7`, "a".repeat(30), "9".repeat(19)];
const dotted = numbers.map((one) => `.${one}`);

export const alphabets = {
  deb: {
    heads: [...numbers.slice(0, 10), "0:1", "1:", "1:0", "2:3.4"],
    tokens: [
      ...numbers.slice(0, 9), ...numbers.slice(0, 9), "a".repeat(30), "9".repeat(19), "~", "+", ".", "-", "-", "a",
      "Z", "rc", "~rc", "+b1", "+deb12u1", "~bpo", ":", "ubuntu",
    ],
    operators: [],
    separators: [],
  },
  apk: {
    heads: [...small, "20240131", "1.2.3", "0"],
    tokens: [
      ...dotted.slice(0, 10), ".0", "a", "b", "z", "_alpha", "_beta", "_pre", "_rc", "_p", "_cvs", "_svn", "_git",
      "_hg", "_px", "1", "2", "10", "0", "-r0", "-r1", "-r10", "-r", "-", "~abc", "~ab", "~12", "A", "_", ".",
    ],
    operators: [],
    separators: [],
  },
  rpm: {
    heads: [...small, "1:1", "0:", "00:1", ":1", "a", "2:", "a:1"],
    tokens: [
      ...numbers, ...long, ".", "-", "~", "^", "_", "+", "a", "b", "Z", "el9", ".el9_2", "rc", "git", "..", "~~",
      "^^", "%", "é",
    ],
    operators: [],
    separators: [],
  },
  npm: {
    heads: [
      "1.2.3", "1.2.3", "0.0.0", "0.1.0", "0.0.1", "v1.2.3", "=1.0.0", "1.0", "1", "10.20.30", "01.2.3",
      "9007199254740991.0.0",
    ],
    tokens: [
      ...dotted, ...numbers, "-", "-alpha", "-beta", "-rc", "-0", "-1", "-01", ".", ".a", ".0", "a", "Z", "+b",
      "+b.1", "--", "x", " ", ...long,
    ],
    operators: ["", "", "^", "~", "~>", ">", ">=", "<", "<=", "=", "> ", "^ ", "== "],
    separators: [" ", " ", " || ", "||", " - ", "  "],
    tails: [".x", ".*", ".X.x", "*", "-0"],
  },
  pypi: {
    heads: [...small, "1!1.0", "0!1", "v1.0", "1.0.0.0", "2024.1"],
    tokens: [
      ...dotted, "a", "a1", "b2", "rc1", "rc", "c3", ".post1", "-1", ".post", "post2", ".rev3", "r4", ".dev0",
      ".dev1", "dev", "-dev2", "_alpha_1", "-beta-2", "preview3", "pre4", "+abc", "+abc.1", "+1", "+1.a", ".1", "-x",
      "_", "1", "0", "A1", "RC2", "+", "10", ...long,
    ],
    operators: ["==", "!=", "<=", ">=", "<", ">", "~=", "===", ">= ", " == "],
    separators: [",", ", ", " , "],
    tails: [".*", ""],
  },
  golang: {
    heads: [
      "v1.2.3", "v1.2.3", "v0.0.0", "v1", "v1.2", "v10.20.30", "1.2.3", "v01.2.3",
      "v0.0.0-20210101000000-abcdefabcdef",
    ],
    tokens: [
      ...dotted.slice(0, 8), "-", "-pre", "-0", "-0.2021", "-rc.1", ".1", ".a", "a", "+incompatible", "+meta", "--",
      "Z", ...long,
    ],
    operators: [],
    separators: [],
  },
  go: {
    heads: ["go1.20", "go1.21", "go1.21.0", "go1.9", "go1.22.10", "go1.4"],
    tokens: ["rc1", "rc2", "rc10", "beta1", "beta2", ".0", ".1", ".10", "0", "1"],
    operators: [],
    separators: [],
  },
  maven: {
    heads: [...small, "1", "2", "x", "rc"],
    tokens: [
      ...numbers, ".", "-", ".", "-", ".0", "-1", "a", "b", "m", "rc", "cr", "ga", "final", "release", "sp",
      "snapshot", "SNAPSHOT", "x", "alpha", "beta", "milestone", "Final", "_", "+", "alpha1", "-jre", "-android",
      ".RELEASE", "-M1", "..", "--", ...long,
    ],
    operators: [],
    separators: [","],
    brackets: true,
  },
  gem: {
    heads: [...small, "3.10", "1.0.a"],
    tokens: [
      ...dotted, ".a", ".b", ".rc", ".rc1", ".pre", "-1", "-a", "a", "Z", "1", ".0", ".00", "-", "..", ".a.0.b",
      ...long,
    ],
    operators: ["=", "!=", ">", "<", ">=", "<=", "~>", "", "~> ", " >= "],
    separators: [",", ", "],
  },
  nuget: {
    heads: [...small, "1.2.3.4", "1.0.0.0", "2147483647", "2147483648.0", "1. 2"],
    tokens: [
      ...dotted.slice(0, 6), "-alpha", ".*", "*", "-*", "-rc.*", "-ALPHA", "-beta.1", "-rc.10", "-0", "-1", ".1", ".a", ".A", "--1", "-", "+b",
      "+b.1", "Z", "-007", "-2147483648", " ",
    ],
    operators: [],
    separators: [","],
    brackets: true,
  },
  composer: {
    heads: [...small, "v1.2", "1.2.3.4", "dev-main", "dev-x", "1.x", "master", "10000.1"],
    tokens: [
      ...dotted.slice(0, 10), "-dev", "dev", "-alpha", "a1", "b2", "-beta.3", "RC1", "-rc2", "pl1", "-p2", "patch3",
      "-stable", ".x-dev", "+meta", "-1", "@dev", "@stable", " as 1.0", "_", "-", ".", "-beta1-dev", "x", "-STABLE",
      "RC",
    ],
    operators: ["", "", "^", "~", ">", ">=", "<", "<=", "!=", "<>", "==", "= ", ">= "],
    separators: [" ", ", ", ",", " || ", " | ", "||", " - "],
    tails: [".*", ".x", ".*.*", "@beta", "@dev", "-dev", ".x-dev", "#ref"],
  },
  cargo: {
    heads: [
      "1.2.3", "1.2.3", "0.0.0", "0.1.0", "0.0.1", "10.20.30", "18446744073709551615.0.0",
      "18446744073709551616.0.0", "1.2", "v1.2.3",
    ],
    tokens: [
      ...dotted.slice(0, 6), "-", "-alpha", "-beta.1", "-0", "-1", ".01", ".0", ".a", "a", "Z", "+b", "+b.01", "--",
      "1", ...long,
    ],
    operators: ["", "", "^", "~", ">", ">=", "<", "<=", "=", ">= ", " ^ "],
    separators: [",", ", ", " , ", " "],
    tails: [".*", ".x", ".*.*", ".*.1"],
  },
} as const satisfies Record<string, Alphabet>;

export type AlphabetName = keyof typeof alphabets;

/** `count` questions about two versions each, of which most differ in little. The same seed asks the same. */
export function* randomOrders(name: AlphabetName, count: number, seed = 1): Generator<Question & { kind: "order" }> {
  const dice = createDice(seed);
  const alphabet: Alphabet = alphabets[name];
  for (let at = 0; at < count; at += 1) {
    const first = mostlyRight(name, dice, () => version(alphabet, dice));
    const second = mostlyRight(name, dice, () =>
      dice(8) === 0 ? version(alphabet, dice) : mutated(first, alphabet, dice),
    );
    yield dice(2) === 0 ? { kind: "order", first, second } : { kind: "order", first: second, second: first };
  }
}

/** `count` questions about a range and a version each. Most versions are near to one that the range names. */
export function* randomRanges(name: AlphabetName, count: number, seed = 1): Generator<Question & { kind: "range" }> {
  const dice = createDice(seed);
  const alphabet: Alphabet = alphabets[name];
  for (let at = 0; at < count; at += 1) {
    const named: string[] = [];
    const range = alphabet.brackets === true ? bracketed(alphabet, dice, named) : listed(name, dice, named);
    const near = named[dice(named.length)] ?? "1";
    const make = (): string => (dice(6) === 0 ? version(alphabet, dice) : mutated(near, alphabet, dice));
    yield { kind: "range", range, version: mostlyRight(name, dice, make) };
  }
}

/** Whether a tool can be asked of ranges of this kind. */
export function hasRanges(name: AlphabetName): boolean {
  const { operators, brackets }: Alphabet = alphabets[name];
  return operators.length > 0 || brackets === true;
}

/** Whose versions they are: those of Go itself are made apart from those of its modules. */
export function schemeOf(name: AlphabetName): keyof typeof versionSchemes {
  return name === "go" ? "golang" : name;
}

/** What is no version is tried again a few times, so that most questions have an answer; never empty, which stands for nothing on a line. */
function mostlyRight(name: AlphabetName, dice: Dice, make: () => string): string {
  let text = make();
  for (let left = dice(6); left > 0 && versionSchemes[schemeOf(name)].parse(text) === undefined; left -= 1)
    text = make();
  return text === "" ? "0" : text;
}

/** A number below the given one. */
type Dice = (below: number) => number;

function createDice(seed: number): Dice {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function pick(from: readonly string[], dice: Dice): string {
  return from[dice(from.length)] ?? "";
}

function version({ heads, tokens }: Alphabet, dice: Dice): string {
  let text = pick(heads, dice);
  for (let left = dice(2) === 0 ? dice(3) : dice(6); left > 0; left -= 1) text += pick(tokens, dice);
  return text;
}

/** One to three small changes: a character or a token more, less, other or twice. */
function mutated(text: string, { tokens }: Alphabet, dice: Dice): string {
  let result = text;
  for (let left = dice(3); left >= 0; left -= 1) {
    const at = dice(result.length + 1);
    const [before, after] = [result.slice(0, at), result.slice(at)];
    switch (dice(8)) {
      case 0:
        result = before + after.slice(1);
        break;
      case 1:
        result = before + pick(tokens, dice) + after;
        break;
      case 2:
        result = result + pick(tokens, dice);
        break;
      case 3:
        result = before + before.slice(-1) + after;
        break;
      case 4:
        result = before + (after === "" ? "" : String(dice(10))) + after.slice(1);
        break;
      case 5:
        result = /\d$/.test(before) || !/^\d/.test(after) ? result : `${before}0${after}`;
        break;
      case 6:
        result = dice(2) === 0 ? before + after.toUpperCase() : before + after.toLowerCase();
        break;
      default:
        result = `${result}.0`;
    }
  }
  return result;
}

function listed(name: AlphabetName, dice: Dice, named: string[]): string {
  const alphabet: Alphabet = alphabets[name];
  let range = "";
  for (let left = dice(2) === 0 ? 0 : dice(3); left >= 0; left -= 1) {
    const one = dice(3) === 0 ? pick(small, dice) : mostlyRight(name, dice, () => version(alphabet, dice));
    named.push(one);
    const tail = alphabet.tails === undefined || dice(4) > 0 ? "" : pick(alphabet.tails, dice);
    range += pick(alphabet.operators, dice) + one + tail + (left === 0 ? "" : pick(alphabet.separators, dice));
  }
  return range;
}

function bracketed(alphabet: Alphabet, dice: Dice, named: string[]): string {
  if (dice(10) === 0) {
    named.push(version(alphabet, dice) || "1");
    return named[0] ?? "";
  }
  let range = "";
  for (let left = dice(3) === 0 ? 1 : 0; left >= 0; left -= 1) {
    const low = dice(3) === 0 ? pick(small, dice) : version(alphabet, dice);
    const high = mutated(low, alphabet, dice);
    named.push(low, high);
    const inner =
      dice(5) === 0 ? low || "1" : dice(5) === 0 ? `,${high}` : dice(5) === 0 ? `${low},` : `${low},${high}`;
    range += pick(["[", "("], dice) + inner + pick(["]", ")"], dice) + (left === 0 ? "" : pick([",", ""], dice));
  }
  return range;
}
