import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect } from "vitest";
import { createRegistryServer } from "../../src/io/registry/index.ts";
import { buildGoProgram } from "../go-program.ts";
import { needs } from "../needs.ts";

/** The specification's own suite, at one commit, so that a run today and a run next year ask the same. */
const suite = await buildGoProgram(
  "github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111",
);
const folder = await mkdtemp(join(tmpdir(), "tidemill-conformance-run-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the embedded registry", () => {
  // `dev` adds what the next version of the specification has: cancelling uploads, digest headers, tags as parameters.
  for (const [version, least] of [
    ["1.1", 860],
    ["dev", 986],
  ] as const) {
    needs(suite.missing)(
      `passes every check of distribution-spec's conformance suite for ${version}: pull, push, discovery, management`,
      async () => {
        const server = await createRegistryServer({ dir: join(folder, version) });
        const { host } = await server.listen(0);
        try {
          const { status, output } = await runSuite(host, version);
          const results = await readFile(join(folder, `results-${version}`, "results.yaml"), "utf8");
          expect(counted(output, "FAIL"), results.slice(0, 4000)).toBe(0);
          expect(counted(output, "Error")).toBe(0);
          expect(counted(output, "Skip")).toBe(0);
          expect(counted(output, "Pass")).toBeGreaterThanOrEqual(least);
          for (const group of [
            "Blob push",
            "Blob get",
            "Manifest get by tag",
            "Referrers",
            "Tag listing",
            "Tag delete",
          ]) {
            expect(output).toMatch(new RegExp(`^\\s*${group}\\.*:\\s*Pass$`, "m"));
          }
          expect(status).toBe(0);
        } finally {
          await server.close();
        }
      },
      120_000,
    );
  }
});

function runSuite(host: string, version: string): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(suite.path, [], {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
      timeout: 110_000,
      env: {
        ...process.env,
        OCI_REGISTRY: host,
        OCI_TLS: "disabled",
        OCI_VERSION: version,
        OCI_RESULTS_DIR: join(folder, `results-${version}`),
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
