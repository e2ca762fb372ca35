import { describe, expect, it } from "vitest";
import { versionSchemes, type VersionScheme } from "./index.ts";

type SchemeName = keyof typeof versionSchemes;

/** `<`, `=` or `>`; `?` where one of them is no version. */
function order(name: SchemeName, a: string, b: string): string {
  const scheme: VersionScheme = versionSchemes[name];
  const [left, right] = [scheme.parse(a), scheme.parse(b)];
  if (left === undefined || right === undefined) return "?";
  return "<=>"[Math.sign(scheme.compare(left, right)) + 1] ?? "";
}

describe("an order of versions", () => {
  it.each<[SchemeName, string, string, string]>([
    ["apk", "1.2.3_rc1-r0", "<", "1.2.3-r0"],
    ["apk", "1.2.3_p1-r0", ">", "1.2.3-r0"],
    ["apk", "1.2.3-r9", "<", "1.2.3-r10"],
    ["apk", "1.2.3a", ">", "1.2.3"],
    ["apk", "1.10", ">", "1.9"],
    ["apk", "1.010", "<", "1.9"],
    ["apk", "1.2_git20200101", ">", "1.2"],
    ["apk", "1.2~abc", ">", "1.2"],
    ["rpm", "1.0~rc1-1", "<", "1.0-1"],
    ["rpm", "1.0^git1-1", ">", "1.0-1"],
    ["rpm", "1.0^git1-1", "<", "1.0.1-1"],
    ["rpm", "1:0.9-1", ">", "2.0-1"],
    ["rpm", "1.el8", "<", "1.el8_1"],
    ["rpm", "1.0", "<", "1.0-1"],
    ["rpm", "0:1.0-1", "=", "1.0-1"],
    ["npm", "1.2.3beta", "=", "v1.2.3-beta"],
    ["npm", "1.0.0-alpha.9", "<", "1.0.0-alpha.10"],
    ["npm", "1.0.0-alpha", "<", "1.0.0-alpha-1"],
    ["npm", "1.0.0+a", "=", "1.0.0+b"],
    ["npm", "1.0", "?", "1.0.0"],
    ["pypi", "1!0.1", ">", "2099.1"],
    ["pypi", "1.0.DEV1", "<", "1.0a1"],
    ["pypi", "1.0-1", "=", "1.0.post1"],
    ["pypi", "1.0+ubuntu.1", ">", "1.0"],
    ["pypi", "1.0+a", "<", "1.0+1"],
    ["pypi", "1.0.0", "=", "1"],
    ["pypi", "1.0-latest", "?", "1"],
    ["golang", "v1.2.3+incompatible", "=", "1.2.3"],
    ["golang", "v0.0.0-20200101000000-abcdefabcdef", "<", "v0.0.0-20210101000000-000000000000"],
    ["golang", "v1.2.4-0.20200101000000-abcdefabcdef", ">", "v1.2.3"],
    ["golang", "go1.21rc2", "<", "go1.21.0"],
    ["golang", "go1.21rc10", ">", "1.21.0-rc.9"],
    ["golang", "go1.20", "=", "1.20.0"],
    ["golang", "go1.22.3 X:boringcrypto", "=", "go1.22.3"],
    ["golang", "(devel)", "?", "v1.0.0"],
    ["maven", "1.0-RC1", "<", "1.0"],
    ["maven", "1.0.Final", "=", "1.0"],
    ["maven", "2.9.10.8", ">", "2.9.10"],
    ["maven", "31.1-jre", ">", "31.1-android"],
    ["maven", "1-SNAPSHOT", ">", "1-rc"],
    // A cycle: so Maven has it.
    ["maven", "1", "<", "1.sp.1"],
    ["maven", "1.sp.1", "<", "1-alpha.1"],
    ["maven", "1-alpha.1", "<", "1"],
    ["maven", "1.1.1", "<", "1.00000000000.1"],
    ["gem", "1.0.a", "<", "1.0"],
    ["gem", "1.0.0", "=", "1"],
    ["gem", "1.a.0.b", "<", "1.a"],
    ["gem", "1-2", "<", "1"],
    ["nuget", "1.0.0.1", ">", "1.0.0"],
    ["nuget", "1.0.0-ALPHA", "=", "1.0.0-alpha"],
    ["nuget", "1.0.0-alpha.10", ">", "1.0.0-alpha.9"],
    ["composer", "1.0-p1", ">", "1.0"],
    ["composer", "1.0-beta2", "<", "1.0-RC1"],
    ["composer", "dev-main", "<", "0.0.1"],
    ["composer", "1.x-dev", ">", "1.99"],
    ["cargo", "1.0.0-rc.1", "<", "1.0.0"],
    ["cargo", "v1.0.0", "?", "1.0.0"],
    ["cargo", "18446744073709551616.0.0", "?", "1.0.0"],
  ])("of %s: %s %s %s", (name, a, op, b) => expect(order(name, a, b)).toBe(op));
});
