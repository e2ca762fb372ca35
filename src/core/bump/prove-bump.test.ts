import { describe, expect, it } from "vitest";
import { parseLockFile, type LockFile } from "../inventory/index.ts";
import { createMayGo } from "./may-go.ts";
import { proveBump } from "./prove-bump.ts";

type Entries = Readonly<
  Record<string, { readonly version: string; readonly dependencies?: Readonly<Record<string, string>> }>
>;

function lock(entries: Entries): LockFile {
  const packages = Object.entries(entries).map(([name, entry]) => [`node_modules/${name}`, entry] as const);
  const top = { name: "demo", version: "1.0.0", dependencies: { app: "1" } };
  const text = JSON.stringify({ lockfileVersion: 3, packages: { "": top, ...Object.fromEntries(packages) } });
  const parsed = parseLockFile("package-lock.json", text);
  if (parsed === undefined) throw new Error("it is no lock file");
  return parsed;
}

const app = { version: "1.0.0", dependencies: { bad: "^1.0.0", other: "^2.0.0" } };
const bad = { version: "1.0.0", dependencies: { left: "^1.0.0" } };
const before = { app, bad, left: { version: "1.0.0" }, other: { version: "2.1.0" } };
const moves = [{ from: "1.0.0", to: "1.0.2" }];

function prove(after: Entries) {
  const [had, has] = [lock(before), lock(after)];
  return proveBump({ type: "npm", package: "bad", moves }, { before: had, after: has, mayGo: createMayGo(had, has) });
}

describe("a new lock file", () => {
  it("is proven with what came along, what was asked for first", () => {
    const after = { ...before, bad: { version: "1.0.3", dependencies: { fresh: "1" } }, fresh: { version: "1.2.0" } };
    expect(prove(after)).toEqual({
      kind: "proven",
      changes: [
        { name: "bad", from: ["1.0.0"], to: ["1.0.3"] },
        { name: "fresh", from: [], to: ["1.2.0"] },
      ],
    });
  });

  it("may lose what only the old version asked for", () => {
    const { left: _, ...rest } = before;
    expect(prove({ ...rest, bad: { version: "1.0.2" } })).toMatchObject({ kind: "proven" });
  });

  it.each<[string, Entries, RegExp]>([
    ["has the vulnerable version still", before, /^bad 1\.0\.0 is still there: app@1\.0\.0 asks for \^1\.0\.0$/],
    ["has it a second time", { ...before, bad: { version: "1.0.2" }, "app/node_modules/bad": bad }, /is still there/],
    [
      "has one that does not cure",
      { ...before, bad: { version: "1.0.1" } },
      /^bad 1\.0\.2, or a newer one, is not there$/,
    ],
    ["has lost the package", { app, other: before.other }, /^bad 1\.0\.2, or a newer one, is not there$/],
    [
      "has something else go back",
      { ...before, bad: { version: "1.0.2" }, other: { version: "2.0.0" } },
      /^other would go back from 2\.1\.0 to 2\.0\.0$/,
    ],
    [
      "has lost what somebody asks for",
      { app, bad: { version: "1.0.2" }, left: before.left },
      /^other 2\.1\.0 would go, and nothing says/,
    ],
    [
      "names what nobody can read",
      { ...before, bad: { version: "1.0.2" }, "a b": { version: "1" } },
      /^of the new lock file it is said: /,
    ],
  ])("is refused where it %s", (_, after, reason) => {
    expect(prove(after)).toEqual({ kind: "refused", reason: expect.stringMatching(reason) });
  });
});
