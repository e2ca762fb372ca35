import { join } from "node:path";

/** Where a suite's generations stand: names of upstreams have slashes and may have anything. */
export function suiteFolder(root: string, name: string): string {
  return join(
    root,
    "suites",
    name.replaceAll(/[^A-Za-z0-9.-]/g, (one) => `_${one.codePointAt(0)?.toString(16)}_`),
  );
}
