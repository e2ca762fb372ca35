import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { serveFleet, type ServedFleet } from "../../src/serve-fleet.ts";
import { smallFleets, type Started } from "../faults/fixture.ts";
import { freePort } from "../free-port.ts";
import { makeCertificate, missingOpenssl } from "../make-certificate.ts";
import { needs } from "../needs.ts";
import { runTidemill, type Ended } from "../quickstart/run-quickstart.ts";

const fleets = smallFleets();
const run = promisify(execFile);
const programs = ["/usr/sbin/nginx", "/usr/bin/skopeo"];
const absent = programs.find((path) => !existsSync(path));
const ends: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

/** Serves a fleet for the rest of the file. */
async function serve({ small: { env, configPath }, fleet }: Pick<Started, "small" | "fleet">): Promise<ServedFleet> {
  const served = await serveFleet(fleet, { env, configPath, listen: "127.0.0.1:0", watch: false });
  ends.push(() => served.close());
  return served;
}

/** nginx with a certificate on a port of loopback, which hands all on to `upstream`. */
async function startProxy(upstream: string): Promise<{ readonly host: string; readonly folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-proxy-"));
  const port = await freePort();
  await makeCertificate({ cert: join(folder, "ca.crt"), key: join(folder, "key.pem") });
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder};`);
  await writeFile(
    join(folder, "nginx.conf"),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr;
    events { worker_connections 64; }
    http { access_log off; client_max_body_size 0; ${temporary.join(" ")}
      server { listen 127.0.0.1:${port} ssl; ssl_certificate ca.crt; ssl_certificate_key key.pem;
        location / { proxy_pass http://${upstream}; proxy_http_version 1.1; proxy_request_buffering off;
          proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;
          proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } } }`,
  );
  const child: ChildProcess = spawn("/usr/sbin/nginx", ["-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: "ignore",
  });
  ends.push(async () => {
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await run("curl", ["-sk", `https://127.0.0.1:${port}/healthz`]).catch(() => undefined);
    if (answer?.stdout === "ok\n") break;
    await delay(50);
  }
  return { host: `localhost:${port}`, folder };
}

describe("what others can reach", () => {
  it("is not opened in plain text, whoever says so", async () => {
    const small = await fleets.create();
    const ended = await small.tidemill(["up", "--listen", "0.0.0.0:0"]);
    expect(ended).toMatchObject({ status: 1 });
    expect(ended.err).toMatch(/OPEN_ADDRESS.*0\.0\.0\.0:0.*\n.*server\.tls/);
    await small.configure({ server: { listen: "0.0.0.0:7077" } });
    expect((await small.tidemill(["validate"])).out).toMatch(/tidemill\.yaml:\d+:\d+: server\.listen: .*tls:/);
  });

  needs(absent === undefined ? missingOpenssl : `there is no ${absent}`)(
    "lets skopeo push and pull by a token through a proxy, as the token's roles allow, until it is revoked",
    async () => {
      const { small, fleet, operations } = await fleets.start({
        server: { trustedProxies: ["127.0.0.1"], local: "127.0.0.1:0" },
      });
      const served = await serve({ small, fleet });
      const { host, folder } = await startProxy(new URL(served.statusPage).host);
      const token = async (name: string, role: "viewer" | "operator"): Promise<string> => {
        const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
        const made = await operations.tokenCreate({ name, roles: [role], labels: [], by: "ada", expiresAt });
        return made.secret;
      };
      const [viewer, operator] = [await token("puller", "viewer"), await token("ci", "operator")];
      const skopeo = async (...args: readonly string[]): Promise<string> => {
        const ended = await run("skopeo", [...args], { env: { ...process.env, HOME: folder } }).then(
          () => "",
          (error: { stderr: string }) => error.stderr,
        );
        return ended;
      };
      const source = `docker://${served.registry}/small-alone:production`;
      const copyTo = (name: string, creds?: string): Promise<string> =>
        skopeo(
          "copy",
          "--src-tls-verify=false",
          `--dest-cert-dir=${folder}`,
          ...(creds === undefined ? [] : [`--dest-creds=anybody:${creds}`]),
          source,
          `docker://${host}/${name}`,
        );
      expect(await copyTo("mirror/alone:1")).toMatch(/wants a token|unauthorized|authentication required/i);
      expect(await copyTo("mirror/alone:1", viewer)).toMatch(/needs the role operator|denied/i);
      expect(await copyTo("mirror/alone:1", operator)).toBe("");
      const inspect = (creds: string): Promise<string> =>
        skopeo("inspect", "--raw", "--cert-dir", folder, "--creds", `x:${creds}`, `docker://${host}/mirror/alone:1`);
      expect(await inspect(viewer)).toBe("");
      // Where an environment stands is moved by promotion alone.
      expect(await copyTo("small-alone:production", operator)).toMatch(/needs the role admin|denied/i);
      await operations.tokenRevoke({ token: "puller", by: "ada", reason: "drill" });
      expect(await inspect(viewer)).toMatch(/unauthorized|token/i);
      const { lines } = await operations.auditExport({});
      expect(lines.join("\n")).toContain("registry-pushed");
    },
    120_000,
  );

  needs(missingOpenssl)(
    "is asked by commands of another machine over TLS, as the token's roles allow",
    async () => {
      const { small, fleet, operations } = await fleets.start({
        server: { tls: { cert: "ca.crt", key: "key.pem" }, local: "127.0.0.1:0" },
      });
      await makeCertificate({ cert: join(small.folder, "ca.crt"), key: join(small.folder, "key.pem") });
      const served = await serve({ small, fleet });
      const desk = await mkdtemp(join(tmpdir(), "tidemill-desk-"));
      ends.push(() => rm(desk, { recursive: true, force: true }));
      const at = (args: readonly string[], input?: string): Promise<Ended> =>
        runTidemill(args, {
          cwd: desk,
          env: { HOME: desk, XDG_CONFIG_HOME: undefined },
          ...(input === undefined ? {} : { input }),
        });
      const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
      const roles = ["viewer" as const];
      const { secret } = await operations.tokenCreate({ name: "desk", roles, labels: [], by: "ada", expiresAt });
      const server = new URL(served.statusPage).origin;
      const ca = ["--ca", join(small.folder, "ca.crt")];

      expect((await at(["login", server], secret)).err).toMatch(/SERVER_UNREACHABLE[^]*--ca FILE/);
      expect(await at(["login", server, ...ca], "tdm_wrong")).toMatchObject({ status: 3 });
      expect(await at(["login", server, ...ca], `${secret}\n`)).toMatchObject({
        status: 0,
        out: expect.stringMatching(/ as token:desk: viewer\.$/m) as string,
      });
      // Nothing is named any more, and there is nothing in this folder: the server is asked.
      expect(JSON.parse((await at(["status", "--json"])).out)).toMatchObject({ images: [{}, {}, {}] });
      const refused = await at(["rebuild", "small-app", "--reason", "drill"]);
      expect(refused).toMatchObject({ status: 3, err: expect.stringContaining("ROLE_MISSING") as string });
      expect((await at(["logout"])).out).toBe(`Forgot ${server} and its token.\n`);
      expect((await at(["status", "--server", server])).err).toContain("NOT_LOGGED_IN");
      // On the server's own machine commands come by their own listener.
      expect((await small.tidemill(["status", "--json"])).status).toBe(0);
    },
    120_000,
  );
});
