// Refreshes a suite again and again, as a process of its own that a test can kill. Says on standard output what came of each.
import { AppError, systemClock } from "../../../lib/index.ts";
import { createDistro, type SuiteSource } from "../index.ts";

/** What the process is told: where to keep the suite, and the suite with its key in base64. */
export interface RefreshOrder {
  readonly dir: string;
  readonly source: Omit<SuiteSource, "keys">;
  readonly key: string;
}

const { dir, source, key } = JSON.parse(process.argv[2] ?? "") as RefreshOrder;
const fetchLimits = { redirects: 5, idleMs: 5000, leastRate: 1, attempts: 1 };
const distro = createDistro({ dir, clock: systemClock, fetchLimits });
for (;;) {
  const outcome = await distro.refresh({ ...source, keys: [Buffer.from(key, "base64")] }).then(
    ({ kind }) => kind,
    (error: unknown) => (error instanceof AppError ? error.code : String(error)),
  );
  process.stdout.write(`${outcome}\n`);
}
