import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEmptyDir } from "../../../test/fakes/stores.ts";
import { operations } from "../../operation/index.ts";
import { fleetText } from "./testdata/fleet.ts";
import { createValidate } from "./validate.ts";

let home: string;
beforeAll(async () => {
  home = await createEmptyDir();
  await mkdir(join(home, "etc", "deep"), { recursive: true });
  await writeFile(join(home, "etc", "deep", "app.conf"), "");
  await mkdir(join(home, "linked"));
  await symlink("/etc/passwd", join(home, "linked", "passwd"));
});
afterAll(() => rm(home, { recursive: true }));

const withFiles = (...from: string[]): string =>
  `${fleetText}  files:\n    recipe: packages\n    upstream: debian\n    files:\n${from.map((one) => `      - { from: ${one}, to: /srv/x }\n`).join("")}`;
const validate = (text: string, cwd: string | undefined = home, env: Record<string, string> = {}) =>
  createValidate({ env, cwd })({ name: "fleet.yaml", text });

describe("validate", () => {
  it("says that a right configuration is right, and how many images it has", async () => {
    const output = await validate(withFiles("etc", "./etc/deep/app.conf"));
    expect(operations.validate.output.parse(output)).toEqual({
      name: "fleet.yaml",
      ok: true,
      images: 3,
      policy: expect.stringMatching(/^sha256:/),
      problems: [],
    });
  });

  it("gives every mistake of the text, each with its place and what to do", async () => {
    const output = await validate(
      fleetText.replace("parent: base", "parent: bsae").replace("upstream: debian,", "upstream: debain,"),
    );
    expect(operations.validate.output.parse(output).ok).toBe(false);
    expect(output.problems.map(({ line, path, hint }) => [line, path, hint])).toEqual([
      [8, "images.base.upstream", "Did you mean `debian`?"],
      [9, "images.web.parent", "Did you mean `base`?"],
    ]);
  });

  it("reads compose files of checks, and says what in them is wrong where", async () => {
    await writeFile(join(home, "set.yml"), "services:\n  app: { image: a, privileged: true }\n");
    const probes = "probes: [{ service: app, tcp: 80 }]";
    const set = (file: string) => `{ name: ${file.slice(0, 3)}, compose: ${file}, service: app, ${probes} }`;
    const { problems } = await validate(`${withFiles("etc")}    checks: [${set("set.yml")}, ${set("none.yml")}]\n`);
    expect(problems.map(({ path, message }) => `${path} ${message}`)).toEqual([
      expect.stringMatching(/^images\.files\.checks\.0\.compose set\.yml:2:\d+: services\.app\.privileged: nothing/),
      expect.stringMatching(/^images\.files\.checks\.1\.compose none\.yml cannot be read: /),
    ]);
  });

  it("reads manifests of Jobs, and says what in them is wrong where", async () => {
    await writeFile(join(home, "job.yml"), "apiVersion: batch/v1\nkind: Job\nspec: { suspend: true, template: {} }\n");
    const job = (name: string) => `{ name: ${name}, job: { namespace: checks, manifest: ${name}.yml } }`;
    const { problems } = await validate(`${withFiles("etc")}    checks: [${job("job")}, ${job("gone")}]\n`);
    expect(problems.map(({ path, message }) => `${path} ${message}`)).toEqual([
      expect.stringMatching(/^images\.files\.checks\.0\.job\.manifest job\.yml:3:\d+: spec\.suspend: a Job that is/),
      expect.stringMatching(/^images\.files\.checks\.0\.job\.manifest job\.yml:3:\d+: spec\.template\.spec: /),
      expect.stringMatching(/^images\.files\.checks\.1\.job\.manifest gone\.yml cannot be read: /),
    ]);
  });

  it("names expressions of contents that are none", async () => {
    const wanted = "{ path: /etc/a, contains: [plain, { pattern: '(' }], lacks: { pattern: 'a+' } }";
    const text = `${withFiles("etc")}    checks: [{ name: layout, structure: { files: [${wanted}] } }]\n`;
    const { problems } = await validate(text);
    expect(problems).toMatchObject([
      { path: "images.files.checks.0.structure.files.0.contains.1.pattern", message: expect.stringMatching(/RE2/) },
    ]);
  });

  it("counts files that are not there, and links, as mistakes where they are named", async () => {
    const { problems } = await validate(withFiles("etc", "missing.conf", "linked"));
    expect(problems).toEqual([
      {
        line: 15,
        column: 11,
        path: "images.files.files.1.from",
        message: "there is no file missing.conf",
        hint: expect.stringContaining(join(home, "missing.conf")),
      },
      {
        line: 16,
        column: 11,
        path: "images.files.files.2.from",
        message: expect.stringMatching(/passwd is neither a file nor a folder/),
        hint: expect.any(String),
      },
    ]);
  });

  it("counts keyrings that are not there", async () => {
    const keyrings = "keyrings: [etc/deep/app.conf, gone.gpg]";
    const { problems } = await validate(fleetText.replace("codename: bookworm", `codename: bookworm, ${keyrings}`));
    expect(problems).toMatchObject([
      { line: 3, path: "upstreams.debian.keyrings.1", message: "there is no keyring gone.gpg" },
    ]);
  });

  it("does not look at the files of an asker who is elsewhere", async () => {
    expect(
      await createValidate({ env: {}, cwd: undefined })({ name: "fleet.yaml", text: withFiles("missing.conf") }),
    ).toMatchObject({ ok: true });
  });

  it("never repeats the value of a variable", async () => {
    const text = `${fleetText}notifications: { webhook: { url: "\${ADDRESS}", secret: "\${SECRET}" } }\n`;
    const output = await validate(text, home, { ADDRESS: "not-an-address-hunter2", SECRET: "hunter2" });
    expect(output.ok).toBe(false);
    expect(JSON.stringify(output)).not.toContain("hunter2");
  });

  it.each([
    ["nothing", ""],
    [
      "an alias bomb",
      `a: &a [x,x,x,x,x,x,x,x,x]\n${["b", "c", "d", "e", "f", "g", "h"].map((name, at) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${"abcdefg".charAt(at)}`).join(",")}]\n`).join("")}`,
    ],
    ["an alias of nothing", `${fleetText}workers: *none\n`],
    ["brackets without end", "[".repeat(5000)],
    ["control characters", "\u0000\u001b[31m: {"],
  ])("answers %s with a problem, not a crash", async (_, text) => {
    const output = await validate(text);
    expect(operations.validate.output.parse(output).ok).toBe(false);
    expect(output.problems.length).toBeGreaterThan(0);
  });
});
