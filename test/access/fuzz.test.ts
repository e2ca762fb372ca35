import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect } from "vitest";
import { serveFleet } from "../../src/serve-fleet.ts";
import { smallFleets } from "../faults/fixture.ts";
import { needs } from "../needs.ts";

const execute = promisify(execFile);
const fleets = smallFleets();
const missing = await execute("schemathesis", ["--version"]).then(
  () => undefined,
  () => "schemathesis, which is not installed",
);

/** Held against the document that the server gives: what it accepts, refuses and answers, and in what form. */
const checks =
  "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,negative_data_rejection";
/** Streams, and what writes files at a place that it is told. */
const leftOut = "/events$|operations/(backup|restore|build|rebase|evidenceExport)$";
/** 501: what this fleet has not; 502: a registry of the made-up name. Neither is a failure of the server itself. */
const settings = `[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 501, 502]\n`;

describe("the API", () => {
  needs(missing)(
    "answers what is made up by its document, well and badly, as the document says and never with a failure of its own",
    async () => {
      const { small, fleet, operations } = await fleets.start();
      const { env, configPath } = small;
      const served = await serveFleet(fleet, { env, configPath, listen: "127.0.0.1:0", watch: false });
      fleets.onEnd(() => served.close());
      const expiresAt = new Date(fleet.ctx.clock.now() + 3_600_000).toISOString();
      const { secret } = await operations.tokenCreate({
        name: "fuzz",
        roles: ["admin"],
        labels: [],
        by: "ada",
        expiresAt,
      });
      const folder = await mkdtemp(join(tmpdir(), "tidemill-fuzz-"));
      fleets.onEnd(() => rm(folder, { recursive: true, force: true }));
      await writeFile(join(folder, "schemathesis.toml"), settings);
      const document = new URL("/api/v1/openapi.json", served.statusPage).href;
      const args = [
        "--config-file",
        "schemathesis.toml",
        "run",
        document,
        "--header",
        `Authorization: Bearer ${secret}`,
      ]
        .concat(["--checks", checks, "--exclude-path-regex", leftOut, "--phases", "coverage,fuzzing", "-n", "12"])
        .concat(["--seed", "1", "--workers", "1", "--request-timeout", "60", "--no-color"]);
      const options = { cwd: folder, env: { ...process.env, PYTHONPATH: "" }, maxBuffer: 1 << 26 };
      const said = await execute("schemathesis", args, options).then(
        ({ stdout }) => stdout,
        (error: unknown) => `refused: ${String((error as { stdout?: unknown }).stdout)}`,
      );
      expect(said).not.toMatch(/^refused/);
      expect(Number(/Tested: (\d+)/.exec(said)?.[1])).toBeGreaterThan(40);
    },
    600_000,
  );
});
