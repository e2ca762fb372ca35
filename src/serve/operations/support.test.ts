import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseConfig } from "../../core/config/index.ts";
import { manualClock } from "../../lib/index.ts";
import type { OperationHandlers } from "../../operation/index.ts";
import { createSupport } from "./support.ts";

const inline = "an inline secret of a webhook";
const fromOutside = "the-passphrase-of-a-key";
const text = `version: 1
upstreams: { debian: { kind: debian, codename: bookworm } }
environments: [{ name: production }]
images: { web: { recipe: packages, upstream: debian, packages: [openssl] } }
webhooks: { ci: { from: generic, secret: "${inline}" } }
`;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "support-"));
  await writeFile(join(folder, "tidemill.yaml"), text);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("is what stands and what was done, what cannot be had by its reason, and no secret", async () => {
  const parsed = parseConfig(text, {});
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.problems));
  const asked: string[] = [];
  const handlers = new Proxy({} as OperationHandlers, {
    get: (_, name: string) => (request: unknown) => {
      asked.push(`${name} ${JSON.stringify(request)}`);
      if (name === "plan") return Promise.reject(new Error(`the mirror said ${fromOutside}`));
      return Promise.resolve({ name, said: `Basic ${Buffer.from(fromOutside).toString("base64")}`, inline });
    },
  });
  const configPath = join(folder, "tidemill.yaml");
  const env = {
    TIDEMILL_KEY_PASSPHRASE: fromOutside,
    DATABASE_URL: "postgresql://mill:sesame-9@db/tidemill",
    HOME: "/root",
  };
  const clock = manualClock(Date.UTC(2026, 10, 27));
  const options = { configPath, env, version: "1.2.3" };
  const { files } = await createSupport({ config: parsed.config, clock }, handlers, options)({});
  const all = new Map(files.map((file) => [file.name, file.text]));
  expect([...all.keys()]).toEqual(
    ["machine.json", "tidemill.yaml"].concat(
      "doctor status summary plan images rebuilds promotions history exposure retention auditVerify"
        .split(" ")
        .map((name) => `${name}.json`),
    ),
  );
  expect(JSON.parse(all.get("machine.json") ?? "")).toMatchObject({
    at: "2026-11-27T00:00:00.000Z",
    version: "1.2.3",
    variables: ["DATABASE_URL", "TIDEMILL_KEY_PASSPHRASE"],
  });
  expect(all.get("tidemill.yaml")).toBe(text.replace(inline, "***"));
  expect(JSON.parse(all.get("plan.json") ?? "")).toEqual({ failed: "the mirror said ***" });
  expect(JSON.parse(all.get("status.json") ?? "")).toEqual({ name: "status", said: "Basic ***", inline: "***" });
  expect(asked).toContain('history {"limit":500}');
  for (const secret of [inline, fromOutside, "sesame-9"]) expect([...all.values()].join("\n")).not.toContain(secret);
});

it("says why there is no configuration", async () => {
  const parsed = parseConfig(text, {});
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.problems));
  const handlers = new Proxy({} as OperationHandlers, { get: () => () => Promise.resolve({}) });
  const options = { configPath: join(folder, "gone.yaml"), env: {}, version: "1" };
  const { files } = await createSupport({ config: parsed.config, clock: manualClock(0) }, handlers, options)({});
  expect(files.find(({ name }) => name === "tidemill.yaml")?.text).toMatch(/^# ENOENT/);
});
