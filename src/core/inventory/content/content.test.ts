import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOwnManifest, npmRecogniser } from "./npm.ts";
import { pypiRecogniser } from "./pypi.ts";

const npm = (text: string, path = "app/node_modules/a/package.json") => npmRecogniser.read(Buffer.from(text), path);
const pypi = (text: string) => pypiRecogniser.read(Buffer.from(text), "a.dist-info/METADATA");

describe("npmRecogniser", () => {
  it.each([
    ["node_modules/a/package.json", true],
    ["app/node_modules/@s/a/package.json", true],
    ["app/node_modules/a/node_modules/b/package.json", true],
    ["app/node_modules/.pnpm/a@1/node_modules/a/package.json", true],
    ["usr/lib/node_modules/npm/package.json", true],
    ["app/package.json", true],
    ["package.json", true],
    ["app/node_modules/a/test/package.json", false],
    ["app/node_modules/a/node_modules/@s/b/dist/package.json", false],
    ["app/node_modules/.cache/package.json", false],
    ["app/node_modules/package.json", false],
    ["app/node_modules/@s/package.json", false],
    ["app/mypackage.json", false],
    ["app/package.json/x", false],
    ["my_node_modules/a/b/package.json", true],
  ])("%s: %s", (path, expected) => expect(npmRecogniser.matches(path)).toBe(expected));

  it.each([
    ['{"name":"a","version":"1.0.0"}', { name: "a", version: "1.0.0" }],
    ['\uFEFF{"name":"@s/a","version":" 1.0.0 "}', { name: "@s/a", version: "1.0.0" }],
    ['{"name":"__proto__","version":"1.0.0","__proto__":{"version":"2"}}', { name: "__proto__", version: "1.0.0" }],
  ])("%s", (text, expected) => expect(npm(text)).toEqual({ packages: [{ type: "npm", ...expected }] }));

  it.each([
    '{"type":"module"}',
    '{"name":"a"}',
    '{"__proto__":{"name":"a","version":"1"}}',
    '{"name":["a"],"version":{}}',
    '{"name":"","version":"1"}',
  ])("says nothing of %s", (text) => expect(npm(text)).toBeUndefined());

  it.each([
    "",
    "{",
    "[]",
    "null",
    '"a"',
    "\0\u0001",
    '{"name":"a b","version":"1"}',
    '{"name":"a","version":"1\\u001b[2J"}',
  ])("names what it cannot read: %j", (text) => expect(npm(text)?.problem).toBeDefined());

  it("takes a program that is in no registry for none of a registry", () => {
    const text = '{"name":"web","version":"1.0.0","private":true}';
    expect(npm(text, "app/package.json")).toBeUndefined();
    expect(npm(text)?.packages).toHaveLength(1);
    expect([isOwnManifest("app/package.json"), isOwnManifest("node_modules/a/package.json")]).toEqual([true, false]);
  });

  it("reads JSON that is a million levels deep", () => {
    expect(npm(`{"name":"a","version":"1.0.0","x":${"[".repeat(1e6)}${"]".repeat(1e6)}}`)).toBeDefined();
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.uint8Array(), fc.string(), (bytes, path) => void npmRecogniser.read(bytes, path)));
    fc.assert(fc.property(fc.json(), (text) => void npm(text)));
  });
});

describe("pypiRecogniser", () => {
  it.each([
    ["usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA", true],
    ["usr/lib/python3/dist-packages/six-1.16.0.egg-info/PKG-INFO", true],
    ["usr/lib/python3/dist-packages/six-1.16.0.egg-info", true],
    ["lib/six-1.16.0-py3.11.egg/EGG-INFO/PKG-INFO", true],
    ["x/PKG-INFO", false],
    ["x/METADATA", false],
    ["x/six.dist-info/RECORD", false],
  ])("%s: %s", (path, expected) => expect(pypiRecogniser.matches(path)).toBe(expected));

  it.each([
    ["Metadata-Version: 2.1\nName: Six.Two\nVersion: 1.16.0\nName: other\n\nName: body\n", "Six.Two", "1.16.0"],
    [
      "Metadata-Version: 1.0\r\nName: a\r\nversion:1!2.0rc1+local\r\nDescription: x\r\n        Name: no\r\n",
      "a",
      "1!2.0rc1+local",
    ],
  ])("%j", (text, name, version) => expect(pypi(text)).toEqual({ packages: [{ type: "pypi", name, version }] }));

  it.each([
    "",
    "Name: a\n",
    "Version: 1\n",
    "Name: a\n\nVersion: 1\n",
    " Name: a\n Version: 1\n",
    "Name: a b\nVersion: 1\n",
    "Name: a\nVersion: \u001b\n",
  ])("names what it cannot read: %j", (text) => expect(pypi(text)?.problem).toBeDefined());

  it("never throws, and is done in a moment with a line of ten million spaces", () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void pypiRecogniser.read(bytes, "a.egg-info")));
    const started = performance.now();
    pypi(`Name:${" ".repeat(1e7)}\nName: a\nVersion${" ".repeat(1e7)}x: 1\n`);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
