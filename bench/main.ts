import { parseArgs } from "node:util";

/** What a bench prints as its last line. */
export interface BenchResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: number;
  /** Other tools on like content, in the same unit; null where the tool is not installed. */
  readonly peers: Readonly<Record<string, number | null>>;
  readonly detail?: Readonly<Record<string, unknown>>;
}

export interface BenchOptions {
  /** Small content and one run: does it still work, not how fast is it. */
  readonly smoke: boolean;
  /** Where lines for people go. */
  readonly say: (line: string) => void;
}

type Bench = (options: BenchOptions) => Promise<BenchResult>;

const benches: Record<string, () => Promise<Bench>> = {
  increment: async () => (await import("./increment.ts")).runBench,
  fleet: async () => (await import("./fleet.ts")).runBench,
  plan: async () => (await import("./plan.ts")).runBench,
  rebase: async () => (await import("./rebase.ts")).runBench,
  ingest: async () => (await import("./ingest.ts")).runBench,
  match: async () => (await import("./match.ts")).runBench,
  report: async () => (await import("./report.ts")).runBench,
  start: async () => (await import("./start.ts")).runBench,
  scan: async () => (await import("./scan.ts")).runBench,
  api: async () => (await import("./api.ts")).runBench,
  webhooks: async () => (await import("./webhooks.ts")).runBench,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean" }, smoke: { type: "boolean" } },
});
const name = positionals[0] ?? "";
const load = benches[name];
if (load === undefined) {
  process.stderr.write(`usage: npm run bench -- ${Object.keys(benches).join("|")} [--smoke] [--json]\n`);
  process.exit(2);
}
const run = await load();
const result = await run({
  smoke: values.smoke ?? false,
  say: (line) => (values.json ? process.stderr : process.stdout).write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
