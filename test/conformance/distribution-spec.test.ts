import { execFile, spawn } from "node:child_process";
import { access, mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect } from "vitest";
import { createRegistryServer } from "../../src/io/registry/index.ts";
import { needs } from "../needs.ts";

/** The specification's own suite, at one commit, so that a run today and a run next year ask the same. */
const suite = "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111";
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tidemill");
const program = join(cache, `distribution-spec-${suite.split("-").at(-1) ?? ""}`);
const run = promisify(execFile);

/** Builds the suite once a machine; says why it cannot be had, else nothing. */
async function buildSuite(): Promise<string | undefined> {
  if (
    await access(program).then(
      () => true,
      () => false,
    )
  )
    return undefined;
  if (
    await run("go", ["version"]).then(
      () => false,
      () => true,
    )
  )
    return "Go, which is not installed";
  await mkdir(cache, { recursive: true });
  const bin = await mkdtemp(join(cache, "build-"));
  try {
    const env = { ...process.env, GOBIN: bin, GOFLAGS: "-mod=mod" };
    await run("go", ["install", suite], { env, cwd: bin, timeout: 300_000 });
    await rename(join(bin, "conformance"), program);
    return undefined;
  } catch (error) {
    return `the Go module of the conformance suite: ${String((error as { stderr?: unknown }).stderr ?? error).slice(0, 300)}`;
  } finally {
    await rm(bin, { recursive: true, force: true });
  }
}

const missing = await buildSuite();
const folder = await mkdtemp(join(tmpdir(), "tidemill-conformance-run-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the embedded registry", () => {
  needs(missing)(
    "passes every check of the distribution-spec conformance suite: pull, push, discovery, management",
    async () => {
      const server = await createRegistryServer({ dir: join(folder, "registry") });
      const { host } = await server.listen(0);
      try {
        const { status, output } = await runSuite(host);
        const results = await readFile(join(folder, "results", "results.yaml"), "utf8");
        expect(counted(output, "FAIL"), results.slice(0, 4000)).toBe(0);
        expect(counted(output, "Error")).toBe(0);
        expect(counted(output, "Pass")).toBeGreaterThan(900);
        expect(status).toBe(0);
      } finally {
        await server.close();
      }
    },
    120_000,
  );
});

/** `dev` adds what the next version of the specification has: cancelling uploads, digest headers, tags as parameters. */
function runSuite(host: string): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [], {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
      timeout: 110_000,
      env: {
        ...process.env,
        OCI_REGISTRY: host,
        OCI_TLS: "disabled",
        OCI_VERSION: "dev",
        OCI_RESULTS_DIR: join(folder, "results"),
      },
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, output }));
  });
}

function counted(output: string, what: string): number {
  return Number(new RegExp(`^\\s*${what}\\.*:\\s*(\\d+)\\s*$`, "m").exec(output)?.[1] ?? Number.NaN);
}
