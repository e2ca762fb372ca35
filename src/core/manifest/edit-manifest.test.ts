import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { sha256 } from "../../lib/index.ts";
import { editManifest, findManifestPlaces } from "./index.ts";

const folder = new URL("testdata/", import.meta.url);
const web = { image: "web", repository: "registry.example/shop/web" };
const old = `sha256:${"a".repeat(64)}`;
const other = `sha256:${"0".repeat(64)}`;
const fresh = sha256("new");
const read = (path: string) => ({ path, bytes: readFileSync(new URL(path, folder)) });
const edit = (text: string, path = "a.yaml"): string =>
  Buffer.from(editManifest({ path, bytes: Buffer.from(text) }, web, fresh)).toString();
const refusal = (text: string, path = "a.yaml"): unknown => {
  try {
    edit(text, path);
  } catch (error) {
    return error;
  }
  return undefined;
};

/** Places that are changed, by file. */
const files: Readonly<Record<string, number>> = {
  "anchors.yaml": 1,
  "argo-application.yaml": 2,
  "bom.yaml": 2,
  "compose.yaml": 1,
  "crlf.yaml": 2,
  "deployment.yaml": 2,
  "flow.json": 1,
  "helm-empty.yaml": 1,
  "helm-tag.yaml": 1,
  "helm-values.yaml": 1,
  "kustomization.yaml": 2,
  "marker.yaml": 2,
  "several-documents.yaml": 2,
  "stack.env": 3,
  "tag-alone.yaml": 1,
};

describe("FAULTS 30: an edit of a manifest", () => {
  it("is tried on every file", () => expect(readdirSync(folder).sort()).toEqual(Object.keys(files)));

  it.each(Object.entries(files))("of %s changes the bytes of the digest and no other", (path, places) => {
    const file = read(path);
    const edited = Buffer.from(editManifest(file, web, fresh));
    const back = edited.toString("latin1").replaceAll(fresh, old);
    // Where there was no digest, it is all that has come.
    const added = { "helm-empty.yaml": old, "tag-alone.yaml": `@${old}` }[path];
    expect(added === undefined ? back : back.replace(added, "")).toBe(file.bytes.toString("latin1"));
    expect(edited.toString()).not.toContain(old);
    expect(edited.toString().split(fresh)).toHaveLength(places + 1);
    expect(findManifestPlaces({ path, bytes: edited }, web)).toHaveLength(places);
    if (path.endsWith(".env") || added !== undefined) return;
    const data = (bytes: Buffer) =>
      JSON.stringify(parseAllDocuments(bytes.toString(), { merge: true }).map((one) => one.toJS()));
    expect(data(edited).replaceAll(fresh, old)).toBe(data(file.bytes));
  });

  it.each(Object.keys(files))("of %s done again changes nothing", (path) => {
    const bytes = editManifest(read(path), web, fresh);
    expect(Buffer.from(editManifest({ path, bytes }, web, fresh)).equals(bytes)).toBe(true);
  });

  it("changes digest bytes only, however the file is laid out", () => {
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const pick = (...all: string[]): string => all[random(all.length)] ?? "";
    for (let round = 0; round < 400; round += 1) {
      const eol = pick("\n", "\r\n");
      const quote = pick("", "'", '"');
      const tag = pick("", ":1.4", ":v2_x");
      const lines = Array.from({ length: 1 + random(12) }, (_, at) => {
        const reference = `${quote}registry.example/shop/web${tag}@${old}${quote}`;
        const strange = `registry.example/shop/webber@${other}`;
        return pick(
          `k${at}: ${reference}`,
          `k${at}:   ${reference}   # é 🐳 ${other}`,
          `k${at}: {image: ${reference}, n: [${strange}, "x"]}`,
          `k${at}:${eol}  - ${reference}${eol}  -   image: ${strange}`,
          `k${at}: {repository: registry.example/shop/web, digest: ${quote}${old}${quote}}`,
          `k${at}: {repository: registry.example/shop/log, digest: ${other}}`,
          `# note ${at} ${eol}k${at}: &a${at} ${reference}${eol}l${at}: *a${at}`,
          `k${at}: |${eol}  text${eol}   more`,
          `---${eol}k${at}: 1`,
        );
      });
      const text = `${pick("", "\uFEFF")}${lines.join(eol)}${pick("", eol)}`;
      expect(edit(text)).toBe(text.replaceAll(old, fresh));
    }
  });

  it("finds nothing in a file of other things, broken or not", () => {
    for (const text of ["", "a: 1", "a: [", "{{ if }}"]) expect(edit(text)).toBe(text);
  });

  it.each([
    ["a template", "image: registry.example/shop/web:{{ .Values.tag }}", "a.yaml:1:8: what a template fills in"],
    ["a variable", "a:\n  image: registry.example/shop/web@${DIGEST}", "a.yaml:2:10: what a template fills in"],
    ["a whole template", "{{- if .Values.web }}\nimage: registry.example/shop/web\n{{- end }}", "a.yaml:1:"],
    ["a block of text", `a: |\n  x: registry.example/shop/web@${old}`, "a.yaml:1:4: it is named within a block"],
    ["a marked block", `# tidemill: web\na: |\n  ${old}`, "a.yaml:2:4: it is a block"],
    ["escapes", `image: "registry.example\\/shop/web@${old}"`, "a.yaml:1:8: it is a block, or is written with escapes"],
    [
      "two of one key",
      `image: registry.example/shop/web@${old}\nimage: x`,
      "a.yaml:2:1: the key image stands there twice",
    ],
    [
      "a digest of two images",
      `d: &d ${old}\na: {repository: registry.example/shop/web, digest: *d}\nb: {repository: registry.example/shop/log, digest: *d}`,
      "a.yaml:3:4: what is used here for registry.example/shop/log",
    ],
    [
      "a merged digest of two images",
      `a: &a {repository: registry.example/shop/web, digest: ${old}}\nb: {<<: *a, repository: registry.example/shop/log}`,
      "a.yaml:2:4: what is used here for",
    ],
    [
      "a digest that something unknown uses as one",
      `a: {repository: registry.example/shop/web, digest: &d ${old}}\nb: {img: registry.example/shop/log, digest: *d}`,
      "a.yaml:2:45: it cannot be told whether this is web as well",
    ],
    [
      "no place",
      "image: {repository: registry.example/shop/web, tag: 1}",
      "a.yaml:1:21: web has no place for a digest",
    ],
    [
      "a bare name beside a tag",
      "web: {image: registry.example/shop/web, tag: 1}",
      "a.yaml:1:14: web has no place for a digest",
    ],
    ["a plain empty digest", "repository: registry.example/shop/web\ndigest:", "a.yaml:2:8: there is no digest"],
    ["a broken digest", "image: registry.example/shop/web@sha256:1234", "a.yaml:1:8: its digest cannot be read"],
    ["a marker of nothing", "# tidemill: web\n\na: 1", "a.yaml:1:1: the marker is of no value"],
    ["a marker that cannot be read", "a: x # tidemill: web too", "a.yaml:1:6: the marker cannot be read"],
    [
      "a marker of another",
      `a: registry.example/shop/web@${old} # tidemill: log`,
      "a.yaml:1:4: it names web, and its marker log",
    ],
    ["a marked alias", `a: &a ${old}\nb: *a # tidemill: web`, "a.yaml:2:4: an alias is marked"],
    ["a marker of several", `a: [${old}, ${old}] # tidemill: web`, "a.yaml:1:151: it cannot be told"],
    ["a marker of no digest", "a: 1.4 # tidemill: web", "a.yaml:1:4: there is no digest"],
    ["unknown YAML", `image: registry.example/shop/web@${old}\nb: [`, "a.yaml:2:"],
  ])("refuses %s, says where and what to do", (_, text, where) => {
    expect(refusal(text)).toMatchObject({
      message: expect.stringContaining(where),
      hint: expect.stringMatching(/\.$/),
    });
  });

  it.each([
    ["a marker of no line", "# tidemill: web\n\nA=1", ".env:1:1: the marker is of no value"],
    ["a marker of no digest", "A=1.4 # tidemill: web", ".env:1:3: the marked value has no digest"],
    ["what is made of variables", "WEB_IMAGE=registry.example/shop/web:${TAG}", ".env:1:11: what is made of variables"],
    [
      "a name that is set twice",
      `A=registry.example/shop/web@${old}\nA=registry.example/shop/web@${old}`,
      ".env:2:1: A is set twice",
    ],
    ["a marked value of lines", `# tidemill: web\nA="${old}\n"`, ".env:2:1: the marked value has several lines"],
  ])("refuses in a file of variables %s", (_, text, where) => {
    expect(refusal(text, ".env")).toMatchObject({ code: "UNSURE", message: expect.stringContaining(where) });
  });

  it.each([
    ["too large", `# registry.example/shop/web\n${"#".repeat(4_200_000)}`, "TOO_LARGE"],
    ["too many documents", `image: registry.example/shop/web\n${"---\na: 1\n".repeat(1100)}`, "TOO_LARGE"],
    ["too deep", `image: registry.example/shop/web\na: ${"[".repeat(5000)}${"]".repeat(5000)}`, "TOO_LARGE"],
    ["too many aliases", `image: registry.example/shop/web\na: &a 1\nb: [${"*a, ".repeat(2000)}]`, "TOO_LARGE"],
    [
      "merged from too many maps",
      `image: registry.example/shop/web\na0: &a0 {x: 1}\n${Array.from({ length: 999 }, (_, at) => `a${at + 1}: &a${at + 1} {<<: *a${at}}`).join("\n")}`,
      "UNSURE",
    ],
    ["an alias of nothing", "image: registry.example/shop/web\na: *b", "UNSURE"],
  ])("refuses what is %s", (_, text, code) => expect(refusal(text)).toMatchObject({ code }));

  it.each([
    [
      "one in another, many times over",
      `a0: &a0 {x: 1}\n${Array.from({ length: 40 }, (_, at) => `a${at + 1}: &a${at + 1} {<<: [${Array(20).fill(`*a${at}`).join(", ")}]}`).join("\n")}`,
    ],
    ["itself", `a: &a {<<: [${Array(500).fill("*a").join(", ")}]}`],
  ])("is not kept busy by maps that are merged: %s", (_, maps) => {
    const text = `image: registry.example/shop/web@${old}\n${maps}\n`;
    const started = performance.now();
    expect(edit(text)).toBe(text.replace(old, fresh));
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it("changes what a label repeats by an alias, and a marked anchor wherever it is used", () => {
    for (const text of [
      `a: {repository: registry.example/shop/web, digest: &d ${old}}\nlabels: {version: *d}\n`,
      `d: &d ${old} # tidemill: web\na: {img: registry.example/shop/web, digest: *d}\n`,
      `a: &a {repository: registry.example/shop/web, digest: &d ${old}}\nb: {<<: *a}\nc: {<<: *a, digest: *d}\n`,
    ])
      expect(edit(text)).toBe(text.replace(old, fresh));
  });

  it("is not kept busy by one long line with a marker", () => {
    const long = `# registry.example/shop/web\na: [${'"x y", '.repeat(60_000)}${old}] # tidemill: web\n`;
    const begun = process.cpuUsage();
    expect(edit(long)).toBe(long.replace(old, fresh));
    // Of the processor: others may have it meanwhile.
    const { user, system } = process.cpuUsage(begun);
    expect(user + system).toBeLessThan(15_000_000);
  });

  it("refuses what is not UTF-8", () => {
    const bytes = Buffer.from("image: registry.example/shop/web \xe9", "latin1");
    expect(() => editManifest({ path: "a.yaml", bytes }, web, fresh)).toThrow(/not UTF-8/);
  });

  it("says line, column and digest of what it finds", () => {
    expect(findManifestPlaces(read("helm-empty.yaml"), web)).toEqual([{ line: 4, column: 14, digest: undefined }]);
    expect(findManifestPlaces(read("deployment.yaml"), web)).toMatchObject([
      { line: 13, digest: old },
      { line: 16, digest: old },
    ]);
  });
});
