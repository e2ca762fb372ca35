import { execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { MadeRecord } from "./scan.ts";

/** What the peers look at: the same archive, and the same records. */
export interface ScanContent {
  /** Holds the records as a zip for osv-scanner, and takes what else is made. */
  readonly folder: string;
  readonly archive: string;
  readonly records: readonly MadeRecord[];
  /** Findings that there are. */
  readonly expected: number;
}

export interface PeerResults {
  /** Median milliseconds of a process with warm data; null where the tool is missing or fails. */
  readonly peers: Record<string, number | null>;
  /** Why a peer has none. */
  readonly missing: Record<string, string>;
}

interface Peer {
  readonly name: string;
  /** Makes its database of the records. */
  prepare(content: ScanContent): Promise<unknown>;
  words(content: ScanContent): readonly string[];
  env(content: ScanContent): Readonly<Record<string, string>>;
  count(output: unknown): number;
}

/**
 * grype and trivy read databases of their own, which can be made of lines only by a program that links their libraries: `scanner-databases FOLDER`, which reads `id, source, release, fixed` from standard input and
 * writes both. osv-scanner reads a zip of OSV records. Each must find exactly what there is, or its time says nothing.
 */
const peers: readonly Peer[] = [
  {
    name: "grype",
    prepare: prepareDatabases,
    words: ({ archive }) => [`docker-archive:${archive}`, "-q", "-o", "json"],
    env: ({ folder }) => ({
      GRYPE_DB_CACHE_DIR: join(folder, "databases", "grype"),
      GRYPE_DB_AUTO_UPDATE: "false",
      GRYPE_DB_VALIDATE_AGE: "false",
      GRYPE_CHECK_FOR_APP_UPDATE: "false",
    }),
    count: (output) => (output as { matches: unknown[] }).matches.length,
  },
  {
    name: "trivy",
    prepare: prepareDatabases,
    words: ({ archive, folder }) => {
      const offline = "--skip-db-update --skip-java-db-update --offline-scan --skip-version-check --scanners vuln";
      const cache = join(folder, "databases", "trivy");
      return ["image", "--input", archive, "--cache-dir", cache, ...offline.split(" "), "-q", "-f", "json"];
    },
    env: () => ({}),
    count: (output) =>
      (output as { Results: { Vulnerabilities?: unknown[] }[] }).Results.reduce(
        (sum, one) => sum + (one.Vulnerabilities?.length ?? 0),
        0,
      ),
  },
  {
    name: "osv-scanner",
    prepare: () => Promise.resolve(),
    words: ({ archive }) => ["scan", "image", "--archive", archive, "--offline", "--format", "json"],
    env: ({ folder }) => ({ OSV_SCALIBR_LOCAL_DB_CACHE_DIRECTORY: join(folder, "osv-scanner") }),
    count: (output) =>
      (output as { results: { packages: { vulnerabilities: unknown[] }[] }[] }).results
        .flatMap((one) => one.packages)
        .reduce((sum, one) => sum + one.vulnerabilities.length, 0),
  },
];

/** The same scan by other scanners, where they are on PATH, each a process of its own with its database on disk. */
export async function measureScanPeers(
  content: ScanContent,
  runs: number,
  say: (line: string) => void,
): Promise<PeerResults> {
  const results: PeerResults = { peers: {}, missing: {} };
  for (const peer of peers) {
    try {
      const { stdout } = await run(peer.name, ["--version"], {});
      const name = `${peer.name} ${/\d+\.\d+[^\s,]*/.exec(stdout)?.[0] ?? ""}`.trim();
      await peer.prepare(content);
      const times: number[] = [];
      for (let left = runs + 1; left > 0; left -= 1) {
        const started = performance.now();
        const { stdout: output } = await run(peer.name, peer.words(content), peer.env(content));
        times.push(performance.now() - started);
        const found = peer.count(JSON.parse(output));
        if (found !== content.expected) throw new Error(`it found ${found} of ${content.expected}`);
      }
      const ms = Math.round(times.slice(1).toSorted((a, b) => a - b)[runs >> 1] ?? 0);
      results.peers[name] = ms;
      say(`${name}: ${ms} ms`);
    } catch (error) {
      results.peers[peer.name] = null;
      results.missing[peer.name] = (error instanceof Error ? error.message : String(error)).slice(0, 200);
    }
  }
  return results;
}

async function prepareDatabases({ folder, records }: ScanContent): Promise<void> {
  const lines = records.map(({ id, source, fixed }) => `${id}\t${source}\t12\t${fixed}\n`).join("");
  await new Promise<void>((resolve, reject) => {
    const child = spawn("scanner-databases", [join(folder, "databases")], { stdio: ["pipe", "ignore", "inherit"] });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`scanner-databases ended with ${code}`))));
    child.stdin.on("error", () => undefined);
    child.stdin.end(lines);
  });
}

/** osv-scanner ends with 1 where it finds something. */
function run(
  program: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly stdout: string }> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      words,
      { env: { ...process.env, ...env }, maxBuffer: 1 << 28, timeout: 120_000 },
      (error, stdout) => (error === null || error.code === 1 ? resolve({ stdout }) : reject(error)),
    );
  });
}
