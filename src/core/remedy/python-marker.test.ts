import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import { findPeer } from "../version/testdata/peers.ts";
import { holdsIn, parsePythonMarker, type MarkerEnvironment } from "./python-marker.ts";

const environment: Readonly<Record<string, string>> = {
  implementation_name: "cpython",
  implementation_version: "3.11.4",
  os_name: "posix",
  platform_machine: "x86_64",
  platform_python_implementation: "CPython",
  platform_release: "6.1.0",
  platform_system: "Linux",
  platform_version: "#1 SMP",
  python_full_version: "3.11.4",
  python_version: "3.11",
  sys_platform: "linux",
  extra: "",
};
const inImage: MarkerEnvironment = (variable) =>
  Object.hasOwn(environment, variable) ? [environment[variable] ?? ""] : [];
const truthOf = (marker: string, among: MarkerEnvironment = inImage) => {
  const parsed = parsePythonMarker(marker);
  return parsed === undefined ? "?" : String(holdsIn(parsed, among));
};

describe("a marker", () => {
  it.each([
    ["python_version >= '3.10'", "true"],
    ["python_version < '3.9'", "false"],
    ["'3.9' < python_version", "true"],
    ["python_version == '3.*'", "true"],
    ["python_version ~= '3.0'", "true"],
    ["python_version in '2.7, 3.11'", "true"],
    ["sys_platform not in 'win32 cygwin'", "true"],
    ["sys_platform   not  in 'win32'and os_name=='posix'", "true"],
    ["os.name == 'posix' and python_implementation == 'CPython'", "true"],
    ["(os_name == 'nt' or os_name == 'posix') and sys_platform == 'linux'", "true"],
    ["os_name == 'nt' or os_name == 'posix' and sys_platform == 'win32'", "false"],
    ["extra == 'A_b'", "false"],
    ["sys_platform > 'a'", "false"],
    ["implementation_name ~= 'a'", "undefined"],
    ["nothing == 'a'", "?"],
    ["'a' == 'a'", "?"],
    ["os_name == sys_platform", "?"],
    ["os_name", "?"],
    ["os_name ==", "?"],
    ["(os_name == 'a'", "?"],
    ["os_name == 'a')", "?"],
    ["os_name == 'a' and", "?"],
    ["os_name == \"a'", "?"],
    ["", "?"],
    ["notin 'a'", "?"],
    [`${"(".repeat(60)}os_name == 'a'${")".repeat(60)}`, "?"],
    [`os_name == '${"a".repeat(2000)}'`, "?"],
  ])("%s: %s", (marker, expected) => expect(truthOf(marker)).toBe(expected));

  it("is certain where every possible value says the same", () => {
    const among: MarkerEnvironment = (variable) =>
      variable === "python_version" ? ["3.9", "3.11"] : variable === "os_name" ? [] : inImage(variable);
    expect(truthOf("python_version >= '3.8'", among)).toBe("true");
    expect(truthOf("python_version >= '3.10'", among)).toBe("undefined");
    expect(truthOf("os_name == 'posix'", among)).toBe("undefined");
    expect(truthOf("os_name == 'posix' and python_version < '3'", among)).toBe("false");
    expect(truthOf("os_name == 'posix' or python_version > '3'", among)).toBe("true");
    expect(truthOf("os_name == 'posix' or python_version < '3'", among)).toBe("undefined");
  });

  it("never throws, and is done in a moment whatever it is given", () => {
    fc.assert(fc.property(fc.string(), (text) => void truthOf(text)));
    const started = performance.now();
    for (const part of ["(", "not ", "'", "os_name=='a' or ", " ", "a"]) truthOf(part.repeat(1e6));
    expect(performance.now() - started).toBeLessThan(500);
  });
});

const peer = findPeer("pypi");

describe("10,000 made-up markers", () => {
  const it = needs(peer.missing);

  it(`hold where ${peer.tool} says that they do`, () => {
    const variables = fc.constantFrom(...Object.keys(environment), "os.name", "python_implementation");
    const value = fc.constantFrom(
      "3.11",
      "3.9",
      "3",
      "3.11.4",
      "3.*",
      "2.7, 3.11",
      "linux",
      "posix",
      "win32",
      "cpython",
      "x86_64",
      "",
      "3.12rc1",
      "6",
      "A-b",
      "x",
    );
    const operator = fc.constantFrom("==", "!=", "<", "<=", ">", ">=", "~=", "===", "in", "not in");
    const quote = fc.constantFrom("'", '"');
    const compare = fc
      .tuple(variables, operator, value, quote, fc.boolean())
      .map(([name, by, text, mark, isTurned]) =>
        isTurned ? `${mark}${text}${mark} ${by} ${name}` : `${name} ${by} ${mark}${text}${mark}`,
      );
    const { marker } = fc.letrec<{ marker: string }>((tie) => ({
      marker: fc.oneof(
        { maxDepth: 3 },
        compare,
        fc.tuple(tie("marker"), fc.constantFrom("and", "or"), tie("marker")).map((all) => all.join(" ")),
        tie("marker").map((one) => `(${one})`),
      ),
    }));
    const markers = fc.sample(marker, 10_000);
    const answers = execFileSync("python3", [fileURLToPath(new URL("testdata/ask-markers.py", import.meta.url))], {
      input: markers.map((one) => `${JSON.stringify({ marker: one, environment })}\n`).join(""),
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    })
      .trimEnd()
      .split("\n");
    expect(answers).toHaveLength(markers.length);
    for (const answer of ["true", "false"])
      expect(answers.filter((one) => one === answer).length).toBeGreaterThan(1000);
    // Where a comparison means nothing the library takes none of the marker; we go by what the rest of it settles.
    const different = markers.flatMap((one, at) => {
      const [theirs = "", ours] = [answers[at], truthOf(one)];
      return theirs === ours || theirs === "?" || ours === "undefined" ? [] : [`${one}: ${theirs}, ours is ${ours}`];
    });
    expect(different).toEqual([]);
    const unsure = markers.filter((one, at) => truthOf(one) === "undefined" && answers[at] !== "?");
    expect(unsure.length).toBeLessThan(markers.length / 4);
  }, 180_000);
});
