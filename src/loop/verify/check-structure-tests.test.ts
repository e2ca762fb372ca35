import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunEngine, RunRequest, RunResult } from "../../io/engine/index.ts";
import { createImageReader, createLayerStore, type PlatformImage } from "../../io/layer/index.ts";
import { makeTar } from "../../io/layer/testdata/make-tar.ts";
import { memorySource, putImage } from "../../io/layer/testdata/memory-source.ts";
import { checkStructureTests } from "./check-structure-tests.ts";

const source = memorySource();
let home: string;
let image: PlatformImage;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "structure-tests-"));
  const layers = [
    makeTar([
      { name: "etc/conf", body: "workers 1;\n" },
      { name: "etc/large", body: Buffer.alloc(17 * 1_048_576) },
      { name: "usr/bin/app", body: "#!", mode: 0o755 },
    ]),
    makeTar([
      { name: "etc/conf", body: "workers 4;\n" },
      { name: "etc/link", flag: "2", link: "/etc/conf" },
    ]),
  ];
  const ids = layers.map((tar) => `sha256:${createHash("sha256").update(tar).digest("hex")}` as const);
  const digest = putImage(source, "candidate", layers, {
    config: { Entrypoint: ["/usr/bin/app"], Env: ["PATH=/usr/bin"] },
    rootfs: { type: "layers", diff_ids: ids },
  });
  const read = await createImageReader(createLayerStore(home)).read(source, digest);
  image = read.platforms[0]!;
});
afterAll(() => rm(home, { recursive: true }));

const ran: RunRequest[] = [];
const engine = (end: Partial<RunResult>): RunEngine => ({
  name: "fake",
  missing: () => Promise.resolve(undefined),
  canRun: () => Promise.resolve(true),
  run: (request) => {
    ran.push(request);
    return Promise.resolve({ end: "exited", status: 0, output: "", stdout: "", stderr: "", truncated: false, ...end });
  },
  serve: () => Promise.reject(new Error("unused")),
  sweep: () => Promise.resolve(0),
  close: () => Promise.resolve(),
});

async function check(text: string, by?: RunEngine) {
  await writeFile(join(home, "tests.yaml"), text);
  const asked = { name: "layout", structureTests: ["tests.yaml"], network: false, writable: true, timeout: 1000 };
  return checkStructureTests(asked, { source, image, home, engine: by }, undefined);
}
const files = `schemaVersion: "2.0.0"
fileExistenceTests: [{ name: app, path: /usr/bin/app, permissions: "-rwxr-xr-x" }]
metadataTest: { entrypoint: [/usr/bin/app] }
fileContentTests:
  - { name: conf, path: /etc/conf, expectedContents: ["^workers 4;"], excludedContents: ["workers 1"] }
  - { name: link, path: /etc/link, expectedContents: ["workers 4"] }
`;

describe("a check by files of container-structure-test", () => {
  it("reads files, contents and configuration from the candidate's own layers, without an engine", async () => {
    expect(await check(files)).toMatchObject({ verdict: "passed", messages: [] });
    expect(await check(files.replace("workers 4;", "workers 5;").replace("rwxr-xr-x", "rwx------"))).toMatchObject({
      verdict: "failed",
      messages: [
        "tests.yaml: app: the mode of /usr/bin/app is -rwxr-xr-x, not -rwx------",
        "tests.yaml: conf: /etc/conf has no ^workers 5;",
      ],
    });
    const large =
      'schemaVersion: "2.0.0"\nfileContentTests: [{ name: l, path: /etc/large, expectedContents: [a] }, { name: n, path: /etc, expectedContents: [a] }]';
    expect(await check(large)).toMatchObject({
      verdict: "failed",
      messages: [
        "tests.yaml: l: /etc/large cannot be read: it has 17825792 bytes, too many to be read",
        "tests.yaml: n: /etc is no file that is there",
      ],
    });
  });

  const commands = `${files}globalEnvVars: [{ key: PATH, value: "$PATH:/x" }]
containerRunOptions: { user: "10" }
commandTests: [{ name: version, command: app, args: [-v], expectedOutput: ["v1"], excludedError: [warn] }]
`;

  it("runs its commands by the engine, and says that it did not where there is none", async () => {
    expect(await check(commands)).toMatchObject({
      verdict: "not_run",
      messages: ["tests.yaml: 1 commands were not run: no engine is configured that could run it"],
    });
    expect(await check(commands, engine({ stdout: "app v1\n" }))).toMatchObject({ verdict: "passed", messages: [] });
    expect(ran.at(-1)).toMatchObject({
      command: ["app", "-v"],
      env: { PATH: "/usr/bin:/x" },
      user: "10",
      writable: true,
      network: false,
      limits: { timeoutMs: 1000 },
    });
    expect(await check(commands, engine({ status: 3, stderr: "warn", output: "warn\n" }))).toMatchObject({
      verdict: "failed",
      messages: [
        "tests.yaml: version: it ended with 3, not 0",
        "tests.yaml: version: its output has no v1",
        "tests.yaml: version: its error output has warn",
        "tests.yaml: version: warn",
      ],
      log: "version:\nwarn\n",
    });
    expect(await check(commands, engine({ end: "timeout" }))).toMatchObject({
      messages: ["tests.yaml: version: it did not end within 1000 ms"],
    });
    expect((await check(commands.replace("/usr/bin/app,", "/none,"))).verdict).toBe("failed");
  });

  it("fails with the place where a file is wrong, and with its name where it is not there", async () => {
    expect(await check('schemaVersion: "2.0.0"\ncommandTests: 1\n')).toMatchObject({
      verdict: "failed",
      messages: [expect.stringMatching(/^tests\.yaml:2:15: commandTests: /)],
    });
    await rm(join(home, "tests.yaml"));
    const asked = { name: "a", structureTests: ["none.yaml", "."], network: false, writable: false, timeout: 1 };
    const gone = await checkStructureTests(asked, { source, image, home, engine: undefined }, undefined);
    expect(gone.messages).toEqual([
      expect.stringMatching(/^none\.yaml: .*no such file/),
      expect.stringMatching(/^\.: .*is no file/),
    ]);
  });
});
