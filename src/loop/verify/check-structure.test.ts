import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { check } from "../../core/config/checks-schema.ts";
import { createImageReader, createLayerStore, type PlatformImage } from "../../io/layer/index.ts";
import { makeTar } from "../../io/layer/testdata/make-tar.ts";
import { memorySource, putImage } from "../../io/layer/testdata/memory-source.ts";
import { checkStructure } from "./check-structure.ts";

const source = memorySource();
let home: string;
let image: PlatformImage;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "structure-"));
  const layers = [
    makeTar([
      { name: "etc/conf", body: "workers 1;\nserver_tokens on;\n" },
      { name: "etc/large", body: Buffer.alloc(17 * 1_048_576) },
      { name: "etc/many", body: "a".repeat(1_000_000) },
      { name: "etc/more", body: "a".repeat(1_048_577) },
      { name: "etc/bytes", body: Buffer.from([0, 255, 254, 0x1b, 0x5b, 0x61]) },
    ]),
    makeTar([
      { name: "etc/conf", body: "workers 4;\nserver_tokens off;\nkey: grün\n" },
      { name: "etc/link", flag: "2", link: "/etc/conf" },
      { name: "etc/out", flag: "2", link: "../../../etc/conf" },
    ]),
  ];
  const ids = layers.map((tar) => `sha256:${createHash("sha256").update(tar).digest("hex")}` as const);
  const digest = putImage(source, "candidate", layers, { config: {}, rootfs: { type: "layers", diff_ids: ids } });
  const read = await createImageReader(createLayerStore(home)).read(source, digest);
  image = read.platforms[0]!;
});
afterAll(() => rm(home, { recursive: true }));

async function ask(...files: object[]) {
  const asked = check.parse({ name: "layout", structure: { files } });
  if (!("structure" in asked)) throw new Error("it is another check");
  return checkStructure(asked, source, image, undefined);
}

describe("contents that are expected", () => {
  it.each<[string, object]>([
    ["a text", { path: "/etc/conf", contains: "workers 4;" }],
    ["a text that is no ASCII", { path: "/etc/conf", contains: "grün" }],
    ["what a lower layer had", { path: "/etc/conf", lacks: "workers 1" }],
    ["a pattern", { path: "/etc/conf", contains: { pattern: "(?m)^workers [0-9]+;$" } }],
    [
      "several",
      { path: "/etc/conf", contains: ["workers", { pattern: "off" }], lacks: [{ pattern: "(?i)TOKENS ON" }] },
    ],
    ["through a link", { path: "/etc/link", contains: "workers 4" }],
    ["through a link that would leave the image", { path: "/etc/out", contains: "workers 4" }],
    ["bytes that are no text", { path: "/etc/bytes", contains: "\u001b[a" }],
  ])("hold: %s", async (_, file) => {
    expect(await ask(file)).toEqual({ verdict: "passed", messages: [] });
  });

  it.each<[object, string]>([
    [{ path: "/etc/conf", contains: "workers 1" }, '/etc/conf: it does not contain "workers 1"'],
    [{ path: "/etc/conf", lacks: "workers 4" }, '/etc/conf: it contains "workers 4", and must not'],
    [{ path: "/etc/conf", lacks: { pattern: "key: .*" } }, "/etc/conf: it contains a match of key: .*, and must not"],
    [{ path: "/etc/conf", contains: { pattern: "^server" } }, "/etc/conf: it does not contain a match of ^server"],
    [{ path: "/etc", contains: "a" }, "/etc: it is no file with a content"],
    [{ path: "/etc/large", lacks: "a" }, "/etc/large: it has 17825792 bytes, too many to be read"],
    [{ path: "/etc/more", lacks: { pattern: "b" } }, "/etc/more: it has 1048577 bytes, too many for a pattern"],
    [{ path: "/etc/bytes", lacks: "\u001b[a" }, '/etc/bytes: it contains "\\u001b[a", and must not'],
  ])("do not hold, which is said: %j", async (file, said) => {
    expect(await ask(file)).toEqual({ verdict: "failed", messages: [said] });
  });

  it("say once of a file that is not there that it is not, and of an expression that it is none", async () => {
    expect(await ask({ path: "/etc/none", contains: "a" })).toEqual({
      verdict: "failed",
      messages: ["/etc/none: it is not there"],
    });
    const wrong = await ask({ path: "/etc/conf", lacks: { pattern: "(a" } });
    expect(wrong.verdict).toBe("failed");
    expect(wrong.messages[0]).toMatch(/^\/etc\/conf: no expression of RE2/);
  });

  it("are looked for in linear time, whatever the expression", async () => {
    const began = performance.now();
    const result = await ask({ path: "/etc/many", lacks: { pattern: "(a*)*b" }, contains: { pattern: "(a|aa)+$" } });
    expect(result).toEqual({ verdict: "passed", messages: [] });
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it("cannot be wanted of what must not be there", () => {
    const file = { path: "/etc/none", exists: false, contains: "a" };
    expect(check.safeParse({ name: "layout", structure: { files: [file] } }).success).toBe(false);
  });
});
