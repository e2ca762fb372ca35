import { configDefaults, defineConfig } from "vitest/config";

/** Tests that measure time: they run when all others have ended, so that nothing of ours disturbs them. */
const measured = "test/**/*.measured.test.ts";

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
    // By default one processor is left alone: of two, half. Much of a test's time is waiting for engines and databases.
    maxWorkers: "100%",
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
