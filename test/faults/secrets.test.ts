import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { makeRepository, noGit } from "../../src/io/git/testdata/repository.ts";
import { createRegistryServer } from "../../src/io/registry/index.ts";
import { makeKeys } from "../../src/io/sign/index.ts";
import { postgresKind } from "../fakes/stores.ts";
import { needs } from "../needs.ts";
import type { Ended } from "../quickstart/run-quickstart.ts";
import { startTidemill } from "./processes.ts";
import { createSmallFleet, smallPackages, type SmallFleet } from "./small-fleet.ts";

/** What nobody may ever read again: each is looked for as it is and as it goes over wires. */
const canaries = {
  registry: "canary-registry-5e1f#/+",
  passphrase: "canary-passphrase-77ab o-o",
  forge: "canary-forge-93c0",
  database: "canary-database-1d42",
  webhook: "canary-webhook-b8e6-0123456789",
} as const;

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // Base64 of what stands before it shifts its letters: the middle is the same in one of three.
  const shifted = [0, 1, 2].map((by) =>
    Buffer.concat([Buffer.alloc(by), bytes])
      .toString("base64")
      .slice(4, -4),
  );
  return [secret, encodeURIComponent(secret), bytes.toString("hex"), JSON.stringify(secret).slice(1, -1), ...shifted];
}

const missing = postgresKind.missing ?? noGit;
const it = needs(missing);
const ends: (() => Promise<unknown>)[] = [];
const seen: { readonly where: string; readonly text: string }[] = [];
let small: SmallFleet;
/** What the servers were given: the secrets were used, or their absence elsewhere would say nothing. */
const given: string[] = [];

const see = (where: string, text: string): void => void seen.push({ where, text });

async function serve(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A registry that lets in who has the password, a webhook that fails, and a forge that refuses its token. */
async function startServers(folder: string) {
  const registry = await createRegistryServer({ dir: folder });
  ends.push(() => registry.close());
  const wanted = `Basic ${Buffer.from(`mill:${canaries.registry}`).toString("base64")}`;
  const guarded = createServer((request, response) => {
    const { authorization } = request.headers;
    if (authorization === wanted) {
      given.push("registry");
      return registry.handler(request, response);
    }
    request.resume();
    response.writeHead(401, { "www-authenticate": 'Basic realm="mill"' });
    response.end(JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message: "no" }] }));
  });
  const failing = createServer((request, response) => {
    request.resume();
    given.push("webhook");
    response.writeHead(500).end("no");
  });
  const forge = createServer((request, response) => {
    request.resume();
    if (JSON.stringify(request.headers).includes(canaries.forge)) given.push("forge");
    response.writeHead(403).end('{"message":"not yours"}');
  });
  return { registry: await serve(guarded), webhook: await serve(failing), forge: await serve(forge) };
}

async function tell(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const ended = await small.tidemill(args, { env });
  see(`${name}: its output`, ended.out);
  see(`${name}: its errors`, ended.err);
  return ended;
}

beforeAll(async () => {
  if (missing !== undefined) return;
  const { place, remove } = await postgresKind.createPlace();
  ends.push(remove);
  if (!("databaseUrl" in place)) throw new Error("PostgreSQL has an address");
  const databaseUrl = place.databaseUrl.replace(
    /^([a-z]+:\/\/)(?:[^@/]*@)?([^/]*)/,
    (_whole, scheme: string, host: string) =>
      `${scheme}${process.env.PGUSER ?? "postgres"}:${canaries.database}@${host === "" ? "localhost" : host}`,
  );
  const env = {
    DATABASE_URL: databaseUrl,
    TIDEMILL_KEY_PASSPHRASE: canaries.passphrase,
    TIDEMILL_WEBHOOK_SECRET: canaries.webhook,
    TIDEMILL_FORGE_TOKEN: canaries.forge,
    TIDEMILL_GIT_TOKEN: canaries.forge,
    TIDEMILL_GIT_USER: "mill",
  };
  small = await createSmallFleet({}, env);
  ends.push(small.remove);
  const servers = await startServers(join(small.folder, "registry"));
  await makeKeys(join(small.folder, "mill"), "ecdsa-p256", canaries.passphrase);
  const docker = join(small.folder, ".docker");
  await mkdir(docker);
  const auth = Buffer.from(`mill:${canaries.registry}`).toString("base64");
  await writeFile(join(docker, "config.json"), JSON.stringify({ auths: { [servers.registry]: { auth } } }));
  const person = await makeRepository();
  ends.push(() => rm(person.folder, { recursive: true, force: true }));
  await person.commit({ "stack.yaml": "alone: {image: 'mirror.example/small-alone:1'}\n" });
  const bare = join(small.folder, "stack.git");
  person.git("clone", "--quiet", "--bare", person.folder, bare);
  const pullRequest = { provider: "gitea", api: `http://${servers.forge}/api/v1`, repository: "acme/stack" };
  const gitops = { url: bare, files: ["stack.yaml"], pullRequest };
  await small.configure({
    registry: { url: servers.registry, insecure: true },
    evidence: { key: "mill.key" },
    notifications: { webhook: { url: `http://${servers.webhook}/hook`, secret: "${TIDEMILL_WEBHOOK_SECRET}" } },
    deployments: { shop: { environment: "production", images: ["small-alone"], registry: "mirror.example", gitops } },
  });
  await small.publish(smallPackages());
}, 120_000);
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Every file below a folder but those that hold a secret because a person put it there. */
async function readAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || path.endsWith(".docker/config.json")) continue;
    const bytes = await readFile(path);
    const text = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
    see(path, text.toString("latin1"));
  }
}

async function readDatabase(): Promise<void> {
  const client = new Client({ connectionString: small.env["DATABASE_URL"] });
  await client.connect();
  try {
    const tables = await client.query<{ name: string }>(
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
    );
    expect(tables.rows.length).toBeGreaterThan(20);
    for (const { name } of tables.rows) {
      const { rows } = await client.query<{ row: string }>(`select row_to_json(one)::text as row from ${name} one`);
      see(`the table ${name}`, rows.map(({ row }) => row).join("\n"));
    }
  } finally {
    await client.end();
  }
}

describe("FAULTS 31: secrets", () => {
  it("stand in no output, error, answer, row, evidence or file, whatever goes well or wrong", async () => {
    expect((await tell("run", ["run", "--json"])).err).not.toMatch(/BAD_CREDENTIALS/);
    const why = await tell("why", ["why", "small-alone", "--json"]);
    expect(JSON.parse(why.out)).toMatchObject({ environments: expect.arrayContaining(["production"]) as string[] });
    const { digest } = JSON.parse(why.out) as { digest: string };
    for (const line of [
      "run",
      "status --json",
      "status",
      "plan --json",
      "why small-alone --markdown",
      "history --json",
      "diff small-alone:staging small-alone:production --json",
      "deploy small-alone production",
      "evidence attach small-alone",
      "audit verify",
      "audit export",
      "doctor --json",
      "doctor",
      "validate",
      "retention --json",
      "rollback small-alone production --reason none",
    ])
      await tell(line, line.split(" "));
    const exported = ["evidence", "export", "small-alone", "--output", join(small.folder, "alone.tar")];
    expect((await tell("evidence export", exported)).status).toBe(0);
    const bundle = join(small.folder, "support.tar");
    expect(await tell("support", ["support", bundle])).toMatchObject({ status: 0 });
    see("the support bundle", await readFile(bundle, "utf8"));
    const { registry } = JSON.parse(await readFile(small.configPath, "utf8")) as { registry: { url: string } };
    const reference = `${registry.url}/small-alone@${digest}`;
    expect((await tell("verify", ["verify", reference, "--policy", "-e", "production"])).status).toBe(0);

    // Where they do not fit: errors quote what they were given more often than answers do.
    const wrong = canaries.database;
    for (const [name, env] of Object.entries({
      "a database that is not there": { DATABASE_URL: `postgresql://mill:${wrong}@127.0.0.1:1/none` },
      "a database that there is not": { DATABASE_URL: `${small.env["DATABASE_URL"]?.replace(/\?/, "_none?")}` },
      "an address that is none": { DATABASE_URL: `postgresql://mill:${wrong}@[::1` },
      "another passphrase": { TIDEMILL_KEY_PASSPHRASE: `${canaries.passphrase}-other` },
      "a webhook's secret that is none": { TIDEMILL_WEBHOOK_SECRET: `whsec_${canaries.webhook}` },
    })) {
      await small.publish(smallPackages({ "small-gauge": `1.1-${Object.keys(env).join("").length}` }));
      await tell(`run with ${name}`, ["run"], env);
      await tell(`status with ${name}`, ["status", "--json"], env);
      await tell(`doctor with ${name}`, ["doctor"], env);
    }
  }, 300_000);

  it("stand in no answer of a server, nor in what it writes", async () => {
    const server = startTidemill(small, ["up"]);
    try {
      const address = await waitFor(() => /http:\/\/127\.0\.0\.1:\d+\//.exec(server.output())?.[0]);
      for (const path of ["", "metrics", "api/v1/openapi.json", "api/v1/status", "api/v1/history", "api/v1/summary"])
        see(`GET /${path}`, await (await fetch(`${address}${path}`)).text());
    } finally {
      await server.end("SIGTERM");
    }
    see("up", server.output());
  }, 120_000);

  it("stand in no table, no file of the state, no evidence in the registry and no export", async () => {
    await readDatabase();
    await readAll(small.dataDir);
    await readAll(small.folder);
    expect(new Set(given)).toEqual(new Set(["registry", "webhook", "forge"]));
    expect(seen.length).toBeGreaterThan(80);
    for (const [name, secret] of Object.entries(canaries))
      for (const form of formsOf(secret)) {
        const found = seen.filter(({ text }) => text.includes(form)).map(({ where }) => where);
        expect(found, `the ${name} secret, as ${form}`).toEqual([]);
      }
    // What looks for them finds what is there.
    see("a leak", `password=${Buffer.from(`mill:${canaries.registry}`).toString("base64")}`);
    expect(formsOf(canaries.registry).some((form) => seen.at(-1)?.text.includes(form))).toBe(true);
  }, 120_000);
});

async function waitFor(look: () => string | undefined): Promise<string> {
  for (let tries = 0; tries < 600; tries += 1) {
    const found = look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the server does not start");
}
