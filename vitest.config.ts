import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

/** Tests that measure time: they run when all others have ended, so that nothing of ours disturbs them. */
const measured = "test/**/*.measured.test.ts";

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: "forks",
    // Much of a test's time is waiting for engines, databases and other processes: more files than processors run at a time.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    projects: [
      {
        extends: true,
        test: {
          name: "tests",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, measured],
          sequence: { groupOrder: 1 },
        },
      },
      { extends: true, test: { name: "measured", include: [measured], sequence: { groupOrder: 2 } } },
    ],
  },
});
