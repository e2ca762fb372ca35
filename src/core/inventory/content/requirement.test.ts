import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRequirement } from "./requirement.ts";

describe("readRequirement", () => {
  // The first eight are the examples of PyPA's "Dependency specifiers" and of PEP 508.
  it.each([
    ["A", ["A", ""]],
    ["A.B-C_D", ["A.B-C_D", ""]],
    ["name<=1", ["name", "<=1"]],
    ["name>=3,<2", ["name", ">=3,<2"]],
    [
      "name[fred,bar] @ http://foo.com ; python_version=='2.7'",
      ["name", "@ an address", { when: "python_version=='2.7'", extras: ["fred", "bar"] }],
    ],
    [
      'requests [security,tests] >= 2.8.1, == 2.8.* ; python_version < "2.7"',
      ["requests", ">= 2.8.1, == 2.8.*", { when: 'python_version < "2.7"', extras: ["security", "tests"] }],
    ],
    ["name; os_name=='a' or os_name=='b'", ["name", "", { when: "os_name=='a' or os_name=='b'" }]],
    ["pip @ https://user:secret@host/pip.zip#sha1=da39", ["pip", "@ an address"]],
    ["zope.interface (>=3.7.0)", ["zope.interface", ">=3.7.0"]],
    ["a@b;c", ["a", "@ an address"]],
    ["a @ file:///x;y ;extra == 'z'", ["a", "@ an address", { when: "extra == 'z'" }]],
    ["a []", ["a", ""]],
    ["a one two", ["a", "one two"]],
  ])("%s", (text, expected) => expect(readRequirement(text)).toEqual(expected));

  it.each(["", " ", "==1", "[a]", "-a"])("finds no name in %j", (text) =>
    expect(readRequirement(text)).toBeUndefined(),
  );

  it("makes what is too long to be read one that nothing is known to be in", () => {
    const long = readRequirement(`a >=1${",!=1.0".repeat(2000)}`);
    expect(long?.[0]).toBe("a");
    expect(long?.[1]).toMatch(/…$/);
    expect(readRequirement(`a[${"x,".repeat(100)}]`)?.[1]).toMatch(/…$/);
  });

  it("never throws, and is done in a moment whatever it is given", () => {
    fc.assert(fc.property(fc.string(), (text) => void readRequirement(text)));
    const started = performance.now();
    for (const part of [" ", "a.", "[", "(", "a ;", "-"]) readRequirement(`a${part.repeat(1e6)}`);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
