import { describe, expect, it } from "vitest";
import { parseConfig } from "./config.ts";
import { manifestBlobs, parseDocument, parseIndex, parseManifest } from "./manifest.ts";
import { parsePlatform, formatPlatform, samePlatform } from "./platform.ts";
import { mediaTypes } from "./types.ts";

const digest = `sha256:${"0".repeat(64)}`;
const blob = { mediaType: mediaTypes.layerGzip, digest, size: 1 };
const manifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.manifest,
  config: { ...blob, mediaType: mediaTypes.config },
  layers: [blob],
};
const index = {
  schemaVersion: 2,
  mediaType: mediaTypes.index,
  manifests: [{ ...blob, mediaType: mediaTypes.manifest }],
};
const config = { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [digest] } };

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
}

describe("parseManifest", () => {
  it("reads what image-spec describes and keeps what it does not know", () => {
    const parsed = parseManifest(bytes({ ...manifest, "x-vendor": [1] }));
    expect(manifestBlobs(parsed).map((each) => each.mediaType)).toEqual([mediaTypes.config, mediaTypes.layerGzip]);
    expect(parsed).toMatchObject({ "x-vendor": [1] });
  });

  it("takes the media type of the answer where the document says none", () => {
    const { mediaType: _, ...silent } = manifest;
    expect(parseManifest(bytes(silent), mediaTypes.dockerManifest).mediaType).toBe(mediaTypes.dockerManifest);
    expect(parseManifest(bytes(silent)).mediaType).toBe(mediaTypes.manifest);
    expect(parseIndex(bytes({ schemaVersion: 2, manifests: [] })).mediaType).toBe(mediaTypes.index);
  });

  it("accepts sha512", () => {
    const long = `sha512:${"0".repeat(128)}`;
    expect(parseManifest(bytes({ ...manifest, layers: [{ ...blob, digest: long }] })).layers[0]?.digest).toBe(long);
  });

  it.each<[string, unknown, string?]>([
    ["both layers and manifests", { ...manifest, manifests: [] }],
    ["an index with layers", { ...index, layers: [] }],
    ["an index with a config", { ...index, config: blob }],
    ["keys that differ in case", { ...manifest, Layers: [] }],
    ["a descriptor with keys that differ in case", { ...manifest, layers: [{ ...blob, Digest: digest }] }],
    ["an unknown media type", { ...manifest, mediaType: "application/vnd.docker.distribution.manifest.v1+json" }],
    ["another type in the header", manifest, mediaTypes.index],
    ["schema 1", { ...manifest, schemaVersion: 1 }],
    ["a negative size", { ...manifest, layers: [{ ...blob, size: -1 }] }],
    ["a fractional size", { ...manifest, layers: [{ ...blob, size: 1.5 }] }],
    ["a huge size", { ...manifest, layers: [{ ...blob, size: 1e300 }] }],
    ["a size as text", { ...manifest, layers: [{ ...blob, size: "1" }] }],
    ["a digest of md5", { ...manifest, layers: [{ ...blob, digest: "md5:00" }] }],
    ["no config", { ...manifest, config: undefined }],
    ["layers that are no list", { ...manifest, layers: {} }],
    ["annotations that are no texts", { ...manifest, annotations: { a: 1 } }],
    ["a subject without digest", { ...manifest, subject: {} }],
    ["a list", []],
    ["null", null],
    ["no JSON", "{"],
    ["a media type with a line break", { ...manifest, layers: [{ ...blob, mediaType: "a/b\r\nX: y" }] }],
  ])("refuses %s", (_, value, came) => {
    const raw = { bytes: bytes(value), ...(came === undefined ? {} : { mediaType: came }) };
    expect(() => parseDocument(raw)).toThrow(/manifest/);
  });

  it("refuses bytes that are not UTF-8 and documents past 4 MiB", () => {
    expect(() => parseManifest(new Uint8Array([0x7b, 0xff, 0x7d]))).toThrow(/UTF-8/);
    expect(() => parseManifest(new Uint8Array(4 * 1024 * 1024 + 1))).toThrow(/larger/);
  });
});

describe("parseConfig", () => {
  it("keeps unknown fields and drops Docker's nulls", () => {
    const parsed = parseConfig(
      bytes({ ...config, history: null, config: { Env: ["A=1"], Cmd: null, Healthcheck: { Test: ["x"] } } }),
    );
    expect(parsed).toMatchObject({ config: { Env: ["A=1"], Healthcheck: { Test: ["x"] } } });
    expect(parsed.history).toBeUndefined();
    expect(parsed.config?.Cmd).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ["no rootfs", { ...config, rootfs: undefined }],
    ["a diff ID that is no digest", { ...config, rootfs: { type: "layers", diff_ids: ["x"] } }],
    ["Env that is no list", { ...config, config: { Env: "A=1" } }],
    ["labels that are no texts", { ...config, config: { Labels: { a: 1 } } }],
    ["no os", { ...config, os: undefined }],
    ["history that is no list", { ...config, history: {} }],
    ["an artifact's empty config", {}],
  ])("refuses %s", (_, value) => {
    expect(() => parseConfig(bytes(value))).toThrow(expect.objectContaining({ code: "BAD_CONFIG" }) as Error);
  });
});

describe("platforms", () => {
  it.each([
    ["linux/amd64", "linux/amd64"],
    ["linux/x86_64", "linux/amd64"],
    ["linux/arm64/v8", "linux/arm64"],
    ["linux/arm", "linux/arm/v7"],
    ["linux/arm/v6", "linux/arm/v6"],
  ])("%s is %s", (text, canonical) => {
    expect(formatPlatform(parsePlatform(text))).toBe(canonical);
  });

  it.each(["", "linux", "linux/", "linux/amd64/v1/x", "linux/AMD64", "linux/../etc"])("refuses %j", (text) => {
    expect(() => parsePlatform(text)).toThrow(/platform/);
  });

  it("compares machines, not spellings", () => {
    expect(
      samePlatform({ os: "linux", architecture: "arm64", variant: "v8" }, { os: "linux", architecture: "arm64" }),
    ).toBe(true);
    expect(samePlatform({ os: "linux", architecture: "arm64" }, { os: "linux", architecture: "amd64" })).toBe(false);
  });
});
