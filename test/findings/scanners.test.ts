import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { z } from "zod";
import { missingMirror } from "../../src/loop/build/testdata/real-packages.ts";
import { buildGoFolder, buildGoProgram } from "../go-program.ts";
import { needs } from "../needs.ts";
import { runTidemill } from "../quickstart/run-quickstart.ts";

const execute = promisify(execFile);
const makerFolder = fileURLToPath(new URL("../../scripts/scanner-databases", import.meta.url));
const noMirror = await missingMirror();
const [grype, maker] =
  noMirror === undefined
    ? [await buildGoProgram("github.com/anchore/grype/cmd/grype@v0.121.3"), await buildGoFolder(makerFolder)]
    : [undefined, undefined];
const missing = noMirror ?? grype?.missing ?? maker?.missing;
const it = needs(missing);

const bom = z.object({
  components: z.array(z.object({ properties: z.array(z.object({ name: z.string(), value: z.string() })) })),
});
const scan = z.object({
  platforms: z.array(
    z.object({
      findings: z.array(z.object({ id: z.string(), package: z.string(), state: z.string() })),
    }),
  ),
});
const matches = z.object({
  matches: z.array(
    z.object({
      vulnerability: z.object({ id: z.string() }),
      artifact: z.object({ name: z.string() }),
    }),
  ),
});

let folder: string;
let layout: string;
/** What was told of each source package that the image holds; the first of each two touch it. */
let told: number;
beforeAll(async () => {
  if (missing !== undefined) return;
  folder = await mkdtemp(join(tmpdir(), "tidemill-scanners-"));
  layout = join(folder, "layout");
  const fleet = `version: 1
upstreams: { debian: { kind: debian, codename: bookworm, suites: [release] } }
environments: [{ name: production }]
images:
  web: { recipe: packages, upstream: debian, packages: [base-files, openssl, curl, python3-minimal, libpam-modules] }
`;
  await writeFile(join(folder, "tidemill.yaml"), fleet);
  expect(await runTidemill(["build", "web", "--to", layout], { cwd: folder })).toMatchObject({ status: 0 });
  const { components } = bom.parse(JSON.parse(await inventory("cyclonedx")));
  const sources = new Map(
    components.flatMap(({ properties }) => {
      const named = new Map(properties.map(({ name, value }) => [name, value]));
      const [source, version] = [named.get("tidemill:source"), named.get("tidemill:sourceVersion")];
      // What is there beside packages, such as the program that Python is, has none.
      return source === undefined || version === undefined ? [] : [[source, version] as const];
    }),
  );
  expect(sources.size).toBeGreaterThan(20);
  const feed = join(folder, "osv");
  await mkdir(feed);
  const lines: string[] = [];
  for (const [source, version] of sources)
    // Newer, not fixed, a newer epoch; then what is installed itself, and older.
    for (const fixed of [`${version}+deb12u99`, "", "999:1", version, "0~1"]) {
      const id = `CVE-2099-${10_000 + lines.length}`;
      lines.push([id, source, "12", fixed].join("\t"));
      await writeFile(join(feed, `${id}.json`), JSON.stringify(osvOf(id, source, fixed)));
    }
  told = lines.length;
  const child = spawn(maker?.path ?? "", [join(folder, "databases")], { stdio: ["pipe", "ignore", "inherit"] });
  child.stdin.end(`${lines.join("\n")}\n`);
  expect((await once(child, "close"))[0]).toBe(0);
}, 600_000);
afterAll(async () => {
  if (missing === undefined) await rm(folder, { recursive: true, force: true });
});

function osvOf(id: string, source: string, fixed: string): object {
  const at = new Date().toISOString();
  const events = [{ introduced: "0" }, ...(fixed === "" ? [] : [{ fixed }])];
  const affected = [{ package: { ecosystem: "Debian:12", name: source }, ranges: [{ type: "ECOSYSTEM", events }] }];
  return { schema_version: "1.7.0", id, published: at, modified: at, affected };
}

async function inventory(form: "cyclonedx" | "spdx"): Promise<string> {
  const { status, out, err } = await runTidemill(["inventory", layout, `--${form}`], { cwd: folder });
  if (status !== 0) throw new Error(err);
  return out;
}

async function grypeFinds(subject: string): Promise<string[]> {
  const env = {
    ...process.env,
    GRYPE_DB_CACHE_DIR: join(folder, "databases", "grype"),
    GRYPE_DB_AUTO_UPDATE: "false",
    GRYPE_DB_VALIDATE_AGE: "false",
    GRYPE_CHECK_FOR_APP_UPDATE: "false",
  };
  const { stdout } = await execute(grype?.path ?? "", ["-q", "-o", "json", subject], { env, maxBuffer: 1 << 26 });
  return matches
    .parse(JSON.parse(stdout))
    .matches.map(({ vulnerability, artifact }) => `${vulnerability.id} ${artifact.name}`)
    .sort();
}

async function weFind(subject: string): Promise<string[]> {
  const { out } = await runTidemill(["scan", subject, "--feed", join(folder, "osv"), "--json"], { cwd: folder });
  return scan
    .parse(JSON.parse(out))
    .platforms.flatMap(({ findings }) => findings.filter(({ state }) => state === "affected"))
    .map((one) => `${one.id} ${one.package}`)
    .sort();
}

describe("a bill of materials of real packages", () => {
  it("is read by grype, which finds what our scan of the image finds, whichever of both forms it has", async () => {
    const ours = await weFind(layout);
    // Three of five touch each source, and some sources have several packages.
    expect(ours.length).toBeGreaterThan((told / 5) * 3);
    for (const form of ["cyclonedx", "spdx"] as const) {
      const file = join(folder, `${form}.json`);
      await writeFile(file, await inventory(form));
      expect(await grypeFinds(`sbom:${file}`)).toEqual(ours);
      expect(await weFind(file)).toEqual(ours);
    }
    // The bytes themselves say the same to it.
    expect(await grypeFinds(`oci-dir:${layout}`)).toEqual(ours);
  });
});
