import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { noNpm } from "../../src/io/bump/testdata/npm-project.ts";
import { needs, wants } from "../needs.ts";
import { machinePath, packTidemill, type PackedTidemill } from "./packed-tidemill.ts";

const execute = promisify(execFile);
const modules = fileURLToPath(new URL("../../node_modules/", import.meta.url));
const it = needs(noNpm);
const env = { ...process.env, PATH: machinePath };
const hasOldNode = Number(/^v(\d+)/.exec((await execute("node", ["--version"], { env })).stdout)?.[1]) < 24;

let packed: PackedTidemill;
let project: string;
/** Where it is installed with what it depends on. */
let home: string;
beforeAll(async () => {
  if (noNpm !== undefined) return;
  packed = await packTidemill();
  project = join(packed.folder, "project");
  for (const [path, text] of Object.entries({
    "api/Dockerfile": "FROM node:24-slim\nCOPY . /srv\n",
    "web/Dockerfile": "FROM nginx:1.27\nCOPY . /usr/share/nginx/html\n",
    ".github/workflows/images.yml":
      "on: push\njobs:\n  images:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: docker/build-push-action@v6\n        with: { context: api, push: true }\n",
  })) {
    await mkdir(join(project, path, ".."), { recursive: true });
    await writeFile(join(project, path), text);
  }
  home = join(packed.folder, "installed");
  await mkdir(home);
  await writeFile(join(home, "package.json"), "{}\n");
  await execute("npm", ["install", "--no-audit", "--no-fund", packed.tarball, "node@24"], { cwd: home });
}, 300_000);
afterAll(() => (noNpm === undefined ? packed.close() : undefined));

describe("the package that is published", () => {
  it("holds what is compiled, with types, examples and documents, and no sources or tests", async () => {
    const { stdout } = await execute("tar", ["-tzf", packed.tarball], { maxBuffer: 1 << 26 });
    const paths = stdout.trim().split("\n");
    for (const wanted of ["bin/tidemill.js", "dist/main.js", "dist/client.d.ts", "README.md", "LICENSE", "docs/cli.md"])
      expect(paths).toContain(`package/${wanted}`);
    expect(paths.some((path) => path.startsWith("package/examples/quickstart/archive/"))).toBe(true);
    expect(paths.some((path) => /^package\/dist\/io\/store\/migrations\/.*\.sql$/.test(path))).toBe(true);
    expect(
      paths.filter((path) => /\.test\.|testdata|(?<!\.d)\.ts$/.test(path) && !path.includes("/examples/")),
    ).toEqual([]);
  }, 60_000);

  it("writes a configuration in a repository with Dockerfiles and a workflow, on a machine with nothing but an old Node", async () => {
    const made = await packed.npx(["node@24", packed.tarball], ["tidemill", "init"], project);
    expect(`${made.status} ${made.err}\n${made.out}`).toMatch(/^0 [^]*2 images built here/);
    const text = await readFile(join(project, "tidemill.yaml"), "utf8");
    expect(text).toMatch(/^ {2}api:\n.*\n {4}recipe: dockerfile\n {4}context: api$/m);
    expect(text).toContain(".github/workflows/images.yml builds images too");
    const valid = await packed.npx(["node@24", packed.tarball], ["tidemill", "validate"], project);
    expect(`${valid.status} ${valid.out}`).toMatch(/^0 .*2 images/);
  }, 600_000);

  it("does its main job from there, on the archive that it brings along", async () => {
    const config = join("node_modules", "tidemill", "examples", "quickstart", "tide.yaml");
    const run = await packed.npx(
      ["node@24"],
      ["node", "node_modules/tidemill/bin/tidemill.js", "quickstart", "--config", config, "--exit", "--json"],
      home,
    );
    expect(`${run.status} ${run.err}`).toMatch(/^0 /);
    expect(JSON.parse(run.out)).toMatchObject({ failed: 0, rolledBack: 0 });
  }, 600_000);

  (hasOldNode ? it : wants("a Node older than 24"))(
    "says on an old Node what works there",
    async () => {
      const said = await packed.npx([packed.tarball], ["tidemill", "status"], project);
      expect(said.status).toBe(1);
      expect(said.err).toContain("npx -y -p node@24 -p tidemill tidemill status");
    },
    600_000,
  );

  it("has types by which a program asks a server", async () => {
    const ask = `import { connectServer } from "tidemill";
const { operations } = connectServer({ address: "https://tidemill.example", token: "t" });
const { images } = await operations.status({});
export const names: string[] = images.map(({ name }) => name);
`;
    await writeFile(join(home, "ask.mts"), ask);
    await writeFile(join(home, "wrong.mts"), ask.replace("status({})", "status({ image: 1 })"));
    const check = (file: string): Promise<string> =>
      execute(
        join(modules, ".bin", "tsc"),
        [
          "--noEmit",
          "--strict",
          "--skipLibCheck",
          "--module",
          "nodenext",
          "--target",
          "es2024",
          "--types",
          "node",
          file,
        ],
        { cwd: home },
      ).then(
        () => "",
        (error: unknown) => String((error as { stdout?: unknown }).stdout),
      );
    expect(await check("ask.mts")).toBe("");
    expect(await check("wrong.mts")).toMatch(/wrong\.mts.*TS2322/);
  }, 180_000);
});
