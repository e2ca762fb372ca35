/**
 * By hand: made-up suites full of alternatives and conflicts, apt's answer beside ours.
 * node test/apt/compare-made.ts [count] [seed] [packages]
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createUniverse, resolvePackages } from "../../src/core/packages/index.ts";
import { packagesText, type MadePackage } from "./packages-text.ts";

const run = promisify(execFile);
const [count = "200", seed = "1", size = "12"] = process.argv.slice(2);
let state = Number(seed) >>> 0;

function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

function pick(items: readonly string[]): string {
  return items[random(items.length)] ?? "";
}

function several(least: number, most: number, make: () => string): string[] {
  return Array.from({ length: least + random(most - least + 1) }, make);
}

const real = Array.from({ length: Number(size) }, (_, at) => `pkg${String.fromCodePoint(97 + at)}`);
const names = [...real, "virta", "virtb", "virtc"];
const priorities = ["optional", "optional", "optional", "standard", "required", "extra"];

function relation(): string {
  const target = pick(names);
  return random(7) === 0 ? `${target} (${pick([">=", "<<", "=", "<=", ">>"])} ${1 + random(3)})` : target;
}

function makePackages(): MadePackage[] {
  return real.flatMap((name) => {
    const versions = random(5) === 0 ? ["1", "2"] : [String(1 + random(3))];
    return versions.map((version) => {
      const fields: Record<string, string> = { Priority: pick(priorities) };
      const depends = several(0, 3, () => several(1, random(2) === 0 ? 1 : 3, relation).join(" | "));
      if (depends.length > 0) fields["Depends"] = depends.join(", ");
      if (random(6) === 0) fields["Pre-Depends"] = relation();
      if (random(7) === 0) fields["Conflicts"] = several(1, 2, relation).join(", ");
      if (random(6) === 0) fields["Breaks"] = relation();
      if (random(3) === 0) {
        fields["Provides"] = several(1, 2, () => pick(["virta", "virtb", "virtc"]) + pick(["", "", " (= 2)"])).join(
          ", ",
        );
      }
      if (random(12) === 0) fields["Recommends"] = relation();
      return { name, version, fields };
    });
  });
}

const root = await mkdtemp(join(tmpdir(), "tidemill-made-"));
for (const folder of [
  "repo",
  "etc/apt/apt.conf.d",
  "etc/apt/preferences.d",
  "lists/partial",
  "cache/archives/partial",
]) {
  await mkdir(join(root, folder), { recursive: true });
}
await writeFile(join(root, "status"), "");
await writeFile(join(root, "etc/apt/sources.list"), `deb [trusted=yes] file:${join(root, "repo")} ./\n`);
await writeFile(
  join(root, "apt.conf"),
  [
    `Dir "${root}";`,
    `Dir::State::status "${root}/status";`,
    `Dir::State::lists "${root}/lists";`,
    `Dir::Cache "${root}/cache";`,
    `Dir::Bin::methods "/usr/lib/apt/methods";`,
    `APT::Architecture "amd64";`,
    `APT::Architectures { "amd64"; };`,
    `APT::Sandbox::User "root";`,
    `Acquire::Languages "none";`,
  ].join("\n"),
);

async function apt(...parameters: string[]): Promise<string | undefined> {
  const env = { ...process.env, APT_CONFIG: join(root, "apt.conf"), LC_ALL: "C" };
  try {
    return (await run("apt-get", parameters, { env })).stdout;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === 100) return undefined;
    throw error;
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

const tally = { same: 0, bothRefuse: 0, weFindMore: 0, weRefuse: 0, differ: 0 };
for (let at = 0; at < Number(count); at += 1) {
  const text = packagesText(makePackages());
  await writeFile(join(root, "repo/Packages"), text);
  await apt("update", "-qq");
  const universe = createUniverse("amd64", [{ origin: "made", bytes: Buffer.from(text) }]);
  for (let list = 0; list < 4; list += 1) {
    const roots = [...new Set(several(1, 3, () => pick(real)))].sort();
    const recommends = random(4) === 0;
    const flag = recommends ? "--install-recommends" : "--no-install-recommends";
    const output = await apt("-s", "-qq", flag, "install", ...roots);
    const ours = resolvePackages({ roots, recommends }, universe);
    const theirs = output?.matchAll(/^Inst (\S+) \((\S+) /gm).map(([, name, version]) => `${name}=${version}`);
    const theirText = theirs === undefined ? undefined : [...theirs].sort().join(" ");
    const ourText =
      ours.kind === "resolved" ? ours.packages.map(({ name, version }) => `${name}=${version}`).join(" ") : undefined;
    if (theirText === ourText) {
      tally[theirText === undefined ? "bothRefuse" : "same"] += 1;
      continue;
    }
    const kind = theirText === undefined ? "weFindMore" : ourText === undefined ? "weRefuse" : "differ";
    tally[kind] += 1;
    if (kind !== "weFindMore") {
      print(`${kind} #${at}.${list} roots ${roots.join(" ")}${recommends ? " with recommends" : ""}`);
      print(`  apt:  ${theirText ?? "refuses"}\n  ours: ${ourText ?? "refuse"}`);
      await writeFile(join(tmpdir(), `tidemill-made-${seed}-${at}.txt`), text);
    }
  }
}
await rm(root, { recursive: true, force: true });
print(JSON.stringify(tally));
