import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { diffPackages } from "./diff-packages.ts";
import type { InstalledPackage } from "./types.ts";

function held(type: InstalledPackage["type"], name: string, version: string, path?: string): InstalledPackage {
  const rest = { architecture: type === "deb" ? "amd64" : "", source: name, sourceVersion: version };
  return { type, name, version, ...rest, layer: sha256(""), ...(path === undefined ? {} : { path }) };
}
const told = (before: readonly InstalledPackage[], after: readonly InstalledPackage[]) =>
  diffPackages({ packages: before }, { packages: after }).map(({ type, name, from, to, path }) =>
    [type, name, from ?? "–", to ?? "–", path ?? ""].join(" ").trim(),
  );

describe("packages of every kind", () => {
  it("that came, went and changed are told, each by its kind and place", () => {
    const before = [
      held("deb", "curl", "1"),
      held("npm", "minimist", "1.2.0", "app/node_modules/minimist/package.json"),
      held("npm", "minimist", "0.0.8", "app/node_modules/mkdirp/node_modules/minimist/package.json"),
      held("pypi", "curl", "7", "usr/lib/python3/curl.dist-info/METADATA"),
      held("golang", "example.org/x", "v1.0.0", "usr/bin/x"),
    ];
    const after = [
      held("deb", "curl", "2"),
      held("npm", "minimist", "1.2.8", "app/node_modules/minimist/package.json"),
      held("pypi", "curl", "7", "usr/lib/python3/curl.dist-info/METADATA"),
      held("maven", "g:a", "1", "srv/app.jar!/lib/a.jar"),
    ];
    expect(told(before, after)).toEqual([
      "deb curl 1 2",
      "golang example.org/x v1.0.0 – usr/bin/x",
      "maven g:a – 1 srv/app.jar!/lib/a.jar",
      "npm minimist 1.2.0 1.2.8 app/node_modules/minimist/package.json",
      "npm minimist 0.0.8 – app/node_modules/mkdirp/node_modules/minimist/package.json",
    ]);
  });

  it("that only lie elsewhere are none, nor are those that a distribution's package brought", () => {
    const from = held("pypi", "requests", "2.0", "usr/lib/python3.11/requests.dist-info/METADATA");
    const to = { ...from, path: "usr/lib/python3.12/requests.dist-info/METADATA" };
    expect(told([from], [to])).toEqual([]);
    expect(told([from], [{ ...to, version: "2.1" }])).toEqual([`pypi requests 2.0 2.1 ${to.path}`]);
    expect(told([], [{ ...to, owner: "python3-requests" }])).toEqual([]);
  });

  it("add up: what was, with what differs, is what is; nothing differs from itself", () => {
    const any = fc.array(
      fc.record({
        type: fc.constantFrom("deb" as const, "npm" as const),
        name: fc.constantFrom("a", "b"),
        version: fc.constantFrom("1", "2", "3"),
        path: fc.constantFrom("x", "y", "z"),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(any, any, (one, two) => {
        const [before, after] = [one, two].map((list) =>
          list.map(({ type, name, version, path }) => held(type, name, version, path)),
        ) as [InstalledPackage[], InstalledPackage[]];
        expect(told(before, before)).toEqual([]);
        const count = (list: readonly InstalledPackage[]) => {
          const counts = new Map<string, number>();
          for (const { type, name, version } of list)
            counts.set(`${type} ${name} ${version}`, (counts.get(`${type} ${name} ${version}`) ?? 0) + 1);
          return counts;
        };
        const sum = count(before);
        for (const { type, name, from, to } of diffPackages({ packages: before }, { packages: after })) {
          if (from !== undefined) sum.set(`${type} ${name} ${from}`, (sum.get(`${type} ${name} ${from}`) ?? 0) - 1);
          if (to !== undefined) sum.set(`${type} ${name} ${to}`, (sum.get(`${type} ${name} ${to}`) ?? 0) + 1);
        }
        const left = new Map([...sum].filter(([, amount]) => amount !== 0));
        expect(left).toEqual(count(after));
      }),
      { numRuns: 1000 },
    );
  });
});
