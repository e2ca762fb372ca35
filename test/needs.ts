import { it } from "vitest";

type TestBody = () => void | Promise<void>;

/**
 * `it`, for a test that needs a real part of the world. `missing` says why the part cannot be used here, or is undefined
 * where it can: then the test runs; else it is reported as skipped with that reason in its name, and with
 * TIDEMILL_TEST_REQUIRE=all it fails.
 */
export function needs(missing: string | undefined): (name: string, body: TestBody, timeoutMs?: number) => void {
  if (missing === undefined) return (name, body, timeoutMs) => it(name, body, timeoutMs);
  if (process.env.TIDEMILL_TEST_REQUIRE === "all") {
    return (name) =>
      it(name, () => {
        throw new Error(`this run requires every part, but ${missing}`);
      });
  }
  return (name) => it(`${name} (needs: ${missing})`, (context) => context.skip(missing));
}

/**
 * `needs`, for a part that no package registry has: where it cannot be had the test is skipped, with the reason in its name, also where every part is required.
 */
export function wants(missing: string | undefined): ReturnType<typeof needs> {
  if (missing === undefined) return needs(undefined);
  return (name) => it(`${name} (wants: ${missing})`, (context) => context.skip(missing));
}
