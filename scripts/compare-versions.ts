import { parseArgs } from "node:util";
import { versionSchemes, type VersionScheme } from "../src/core/version/index.ts";
import { answerOf, differences, findPeer } from "../src/core/version/testdata/peers.ts";
import {
  alphabets,
  hasRanges,
  randomOrders,
  randomRanges,
  schemeOf,
  type AlphabetName,
  type Question,
} from "../src/core/version/testdata/random-questions.ts";

/**
 * Asks each format's own tool, where it is installed, many random questions about versions and ranges, and shows where it says
 * otherwise than we: `node scripts/compare-versions.ts --pairs 1000000`. `--only npm,pypi` asks fewer, `--seed` other questions;
 * `--print nuget` prints questions with our answers, for a tool on another machine.
 */

const { values } = parseArgs({
  options: {
    pairs: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    print: { type: "string" },
  },
});
const pairs = Number(values.pairs);
const seed = Number(values.seed);
const known = Object.keys(alphabets) as AlphabetName[];
const names = values.only === undefined ? known : values.only.split(",").map(nameOf);
/** Questions at a time: a tool's answers are held in memory. */
const portion = 100_000;
const shown = 10;

if (!Number.isInteger(pairs) || pairs < 1 || !Number.isInteger(seed)) fail("--pairs and --seed are whole numbers");
if (values.print !== undefined) print(nameOf(values.print));
else if (names.map(compareName).some((different) => different > 0)) process.exitCode = 1;

function nameOf(text: string): AlphabetName {
  const name = known.find((one) => one === text);
  return name ?? fail(`"${text}" is none of ${known.join(", ")}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}

/** How many answers were different. */
function compareName(name: AlphabetName): number {
  const peer = findPeer(name);
  if (peer.missing !== undefined) {
    say(`${name.padEnd(9)} not compared: ${peer.missing}`);
    return 0;
  }
  const kinds = hasRanges(name) ? (["order", "range"] as const) : (["order"] as const);
  let different = 0;
  for (const kind of kinds) {
    const wrong: string[] = [];
    for (let done = 0; done < pairs; done += portion) {
      wrong.push(...differences(name, peer, questions(name, kind, Math.min(portion, pairs - done), seed + done)));
    }
    const cost = kind === "order" ? `; ours takes ${nanoseconds(name)} ns a comparison` : "";
    say(`${name.padEnd(9)} ${kind}: ${wrong.length} of ${pairs} other than ${peer.tool}${cost}`);
    for (const line of wrong.slice(0, shown)) say(`  ${line}`);
    different += wrong.length;
  }
  return different;
}

function questions(name: AlphabetName, kind: Question["kind"], count: number, from: number): Question[] {
  return [...(kind === "order" ? randomOrders(name, count, from) : randomRanges(name, count, from))];
}

function print(name: AlphabetName): void {
  const kinds = hasRanges(name) ? (["order", "range"] as const) : (["order"] as const);
  for (const question of kinds.flatMap((kind) => questions(name, kind, pairs, seed))) {
    const texts = question.kind === "order" ? [question.first, question.second] : [question.range, question.version];
    say([question.kind, ...texts, answerOf(name, question)].join("\t"));
  }
}

/** What one comparison of two parsed versions costs a thread: the median of some rounds over versions that differ in little. */
function nanoseconds(name: AlphabetName): number {
  const scheme: VersionScheme = versionSchemes[schemeOf(name)];
  const two = [...randomOrders(name, 20_000, seed)]
    .map(({ first, second }) => [scheme.parse(first), scheme.parse(second)] as const)
    .filter(([first, second]) => first !== undefined && second !== undefined);
  const rounds = Array.from({ length: 15 }, () => {
    const start = process.threadCpuUsage();
    let sum = 0;
    for (let round = 0; round < 20; round += 1) for (const [first, second] of two) sum += scheme.compare(first, second);
    const { user, system } = process.threadCpuUsage(start);
    return Number.isNaN(sum) ? 0 : (user + system) / two.length / 20;
  });
  return Math.round((rounds.toSorted((a, b) => a - b)[7] ?? 0) * 1e3);
}
