/**
 * By hand: many lists, apt's answer beside ours. node test/apt/compare-lists.ts [count] [roots per list] [seed] [release]
 * prints each difference and, at the end, how many lists agree.
 */
import { readFile } from "node:fs/promises";
import { createUniverse, resolvePackages } from "../../src/core/packages/index.ts";
import { AptRefusal, createAptOracle } from "./apt-oracle.ts";
import { findDebianMirror } from "./debian-mirror.ts";

const [count = "300", size = "1", seedText = "1", release = "bookworm", architecture = "amd64"] = process.argv.slice(2);
const mirror = findDebianMirror();
if (mirror === undefined) throw new Error("no Debian mirror in TIDEMILL_DEBIAN_MIRROR or the apt sources");
const suites = [release, `${release}-updates`, `${release}-security`];
const oracle = await createAptOracle({ mirror, suites, architecture });
const lists = await oracle.lists();
const indices = await Promise.all(
  lists.map(async ({ suite, path }) => ({ origin: suite, bytes: await readFile(path) })),
);
const universe = createUniverse(architecture, indices);
const names = [...(indices[0]?.bytes.toString("latin1").matchAll(/^Package: (\S+)$/gm) ?? [])].map(
  ([, name]) => name ?? "",
);

let state = Number(seedText) >>> 0;
function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const tally = { same: 0, bothRefuse: 0, aptRefuses: 0, weRefuse: 0, differ: 0 };
for (let at = 0; at < Number(count); at += 1) {
  const roots = [...new Set(Array.from({ length: Number(size) }, () => names[random(names.length)] ?? ""))].sort();
  const theirs = await oracle.install(roots).catch((error: unknown) => {
    if (error instanceof AptRefusal) return undefined;
    throw error;
  });
  const ours = resolvePackages({ roots }, universe);
  const label = roots.join(" ");
  if (theirs === undefined || ours.kind === "unsatisfiable") {
    const kind = theirs !== undefined ? "weRefuse" : ours.kind === "resolved" ? "aptRefuses" : "bothRefuse";
    tally[kind] += 1;
    const chain = ours.kind === "unsatisfiable" ? ours.chain.join("; ") : "";
    print(`${kind}: ${label} ${chain}`);
    continue;
  }
  const theirText = theirs.map(({ name, version }) => `${name}=${version}`);
  const ourText = ours.packages.map(({ name, version }) => `${name}=${version}`);
  const onlyTheirs = theirText.filter((text) => !ourText.includes(text));
  const onlyOurs = ourText.filter((text) => !theirText.includes(text));
  if (onlyTheirs.length + onlyOurs.length === 0) {
    tally.same += 1;
  } else {
    tally.differ += 1;
    print(`differ: ${label} | apt: ${onlyTheirs.join(" ")} | ours: ${onlyOurs.join(" ")}`);
  }
}
await oracle.close();
print(JSON.stringify(tally));
