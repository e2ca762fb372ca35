import { once } from "node:events";
import { rm } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPgliteDir, testStart } from "../../../test/fakes/stores.ts";
import { startIssuer, type Issuer } from "../../../test/fakes/openid-issuer.ts";
import { openStore, type Store } from "../../io/store/index.ts";
import { manualClock, silentLogger } from "../../lib/index.ts";
import { operationNames, operations, type Operations, type Role } from "../../operation/index.ts";
import { sampleStatus } from "../../operation/testdata/status.ts";
import { createCallbacks } from "../hooks/create-callbacks.ts";
import { createApi } from "../api.ts";
import { createAdmission, csrfOf } from "./index.ts";
import type { Login } from "../login/index.ts";
import { createHandler, createServer, type ServerOptions } from "../index.ts";
import { createSessions, createTokens } from "../operations/index.ts";
import { logIn } from "../testdata/log-in.ts";
import { send } from "../testdata/send.ts";
import { inputs } from "./testdata/inputs.ts";

const words = (list: string): string[] => list.split(" ");

/** Who may do what, written out: the code's own table is what is tested. An admin may do all of it. */
const mayDo: Readonly<Record<Exclude<Role, "admin">, readonly string[]>> = {
  viewer: words(
    "status images rebuilds promotions summary plan graph retention log why gate exposure report history vexList auditVerify auditExport doctor validate",
  ),
  operator: words(
    "diff check scan inventory verify look run rebuild promote deploy rollback hold resume evidenceAttach",
  ),
  approver: ["approve", "reject", "vexAdd", "vexRemove"],
};
const adminsOnly = [
  "build",
  "rebase",
  "evidenceExport",
  "notifyTest",
  "notifyResend",
  "support",
  "backup",
  "restore",
  "tokenCreate",
  "tokenList",
  "tokenRevoke",
  "sessionList",
  "sessionRevoke",
];
/** Operations that are about one image, or some, if they are told which. */
const aboutImages = words(
  "status retention log why gate exposure history vexList run rebuild promote deploy rollback hold resume evidenceAttach approve reject vexAdd vexRemove",
);

/** Lists leave out what a caller may not see. */
const filtered = words("images rebuilds promotions");

const callers = [
  "nobody",
  "stranger",
  "expired",
  "revoked",
  "viewer",
  "operator",
  "approver",
  "admin",
  // Jobs, by tokens of their issuer: one that a rule lets in as an operator, one of a repository that none names, one that says so unsigned, and one whose token is over.
  "job",
  "other-job",
  "unsigned-job",
  "late-job",
  // Browsers, by cookies: of a person whom a rule makes an approver, from a page of ours; of an admin, from nowhere; of one whose session an admin ended.
  "visitor",
  "forged",
  "left",
] as const;
const refused: readonly Caller[] = ["stranger", "expired", "revoked", "other-job", "unsigned-job", "late-job", "left"];
type Caller = (typeof callers)[number];

const clock = manualClock(testStart);
const localToken = "of-the-lock-file";
const audience = "https://tidemill.example";
const secrets = new Map<Caller | "scoped", string>();
const reached: { name: string; input: unknown }[] = [];
let dir = "";
let store: Store;
let issuer: Issuer;
let provider: Issuer;
let server: Server;
let port = 0;
let options: ServerOptions;

beforeAll(async () => {
  dir = await createPgliteDir();
  store = await openStore({ dir }, { clock, log: silentLogger() });
  const tokens = createTokens({ store, clock });
  const make = async (name: string, roles: Role[], days: number, labels: string[] = []): Promise<string> => {
    const expiresAt = new Date(clock.now() + days * 86_400_000).toISOString();
    return (await tokens.tokenCreate({ name, roles, labels, expiresAt, by: "ada" })).secret;
  };
  for (const role of ["viewer", "operator", "approver", "admin"] as const)
    secrets.set(role, await make(role, [role], 30));
  secrets.set("scoped", await make("scoped", ["operator", "approver"], 30, ["team=payments", "team=search"]));
  secrets.set("expired", await make("expired", ["admin"], 1));
  secrets.set("revoked", await make("revoked", ["admin"], 30));
  secrets.set("stranger", `tdm_${"0".repeat(16)}_${"A".repeat(43)}`);
  await tokens.tokenRevoke({ token: "revoked", by: "ada", reason: "test" });
  clock.advance(2 * 86_400_000);

  issuer = await startIssuer({ now: () => clock.now(), audience });
  // A provider's times are looked at by the machine's clock.
  provider = await startIssuer({ audience: "tidemill" });
  secrets.set("job", issuer.token());
  secrets.set("other-job", issuer.token({ repository: "acme/deploy-too" }));
  secrets.set("unsigned-job", issuer.unsigned());
  secrets.set("late-job", issuer.token({ exp: Math.floor(clock.now() / 1000) - 60 }));

  const answers = operationNames.map((name) => [
    name,
    (input: unknown) => {
      reached.push({ name, input });
      return Promise.resolve(name === "status" ? sampleStatus : { answered: name });
    },
  ]);
  options = {
    operations: Object.fromEntries(answers) as Operations,
    token: localToken,
    version: "0",
    store,
    clock,
    workloads: [
      { issuer: issuer.address, audience, claims: { repository: "acme/deploy" }, roles: ["operator"], labels: [] },
    ],
    login: {
      issuer: provider.address,
      clientId: "tidemill",
      url: "http://127.0.0.1:1",
      scopes: [],
      name: "sub",
      rules: [
        { claims: { groups: "answering" }, roles: ["approver"], labels: [] },
        { claims: { groups: "root" }, roles: ["admin"], labels: [] },
      ],
      idle: 3_600_000,
      longest: 3_600_000,
    },
    labelsOf: (image) => (image === "web" ? ["team=payments", "tier=1"] : image === "api" ? ["team=search"] : []),
    metrics: () => Promise.resolve("tidemill_images 3\n"),
    callbacks: createCallbacks({
      store,
      clock,
      logger: silentLogger(),
      onAnswer: () => undefined,
      refusals: { count: 1000, perMs: 60_000 },
    }),
    registry: {
      handler: (_, response) => response.end("registry"),
      anonymousPull: false,
      imageOf: () => undefined,
      isOwnTag: () => false,
    },
  };
  server = createServer(createHandler(options));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
  secrets.set("visitor", await logIn(port, provider, { sub: "vera", groups: ["answering"] }));
  secrets.set("forged", await logIn(port, provider, { sub: "rita", groups: ["root"] }));
  secrets.set("left", await logIn(port, provider, { sub: "leo", groups: ["root"] }));
  await createSessions({ store }).sessionRevoke({ session: "leo", by: "ada", reason: "left" });
}, 120_000);

afterAll(async () => {
  await issuer.close();
  await provider.close();
  server.closeAllConnections();
  server.close();
  await store.close();
  await rm(dir, { recursive: true, force: true });
});

const bearer = (caller: Caller | "scoped"): Record<string, string> => {
  const secret = secrets.get(caller) ?? "";
  if (caller === "nobody") return {};
  if (!["visitor", "forged", "left"].includes(caller)) return { authorization: `Bearer ${secret}` };
  const page = { origin: `http://127.0.0.1:${port}`, "x-tidemill-csrf": csrfOf(secret.split("=")[1] ?? "") };
  return { cookie: secret, host: `127.0.0.1:${port}`, ...(caller === "forged" ? {} : page) };
};

const post = (caller: Caller | "scoped", name: string, input: unknown) =>
  send(port, `/api/v1/operations/${name}`, {
    method: "POST",
    headers: { ...bearer(caller), "content-type": "application/json" },
    body: JSON.stringify(input),
  });

function expectedStatus(caller: Caller, name: string): number {
  if (caller === "nobody" || refused.includes(caller)) return 401;
  if (caller === "forged") return 403;
  if (caller === "admin" || mayDo.viewer.includes(name)) return 200;
  const role = caller === "job" ? "operator" : caller === "visitor" ? "approver" : (caller as Exclude<Role, "admin">);
  return mayDo[role].includes(name) ? 200 : 403;
}

describe("every operation, asked by every role", () => {
  it("is in exactly one list of this test", () => {
    const listed = [...Object.values(mayDo).flat(), ...adminsOnly].sort();
    expect(listed).toEqual([...operationNames].sort());
    expect(Object.keys(inputs).sort()).toEqual(listed);
  });

  it.each(operationNames.flatMap((name) => callers.map((caller) => [name, caller] as const)))(
    "%s by %s",
    async (name, caller) => {
      reached.length = 0;
      const wanted = expectedStatus(caller, name);
      const answer = await post(caller, name, inputs[name]);
      expect(answer.status, answer.text).toBe(wanted);
      expect(reached.map((one) => one.name)).toEqual(wanted === 200 ? [name] : []);
      if (wanted !== 200) expect(answer.text).not.toContain(secrets.get(caller) ?? "-");
      if (wanted === 401) expect(answer.headers["www-authenticate"]).toContain("Bearer");
    },
  );
});

describe("every path that is read, asked by every role", () => {
  const paths = {
    "/healthz": 200,
    "/readyz": 200,
    "/metrics": 200,
    "/api/v1/caller": 200,
    "/api/v1/openapi.json": 200,
    "/api/v1/events": 200,
    "/api/v1/status": 200,
    "/api/v1/nothing": 404,
    "/auth/out": 200,
    "/": 200,
    "/state": 200,
    "/page.css": 200,
    "/page.js": 200,
  };

  it("leaves out no route that there is", () => {
    const known = new Set([...Object.keys(paths), "/api/v1/:name", "/api/v1/operations/:name"]);
    // How people come and go is tested with the logins: who asks is not looked at there.
    for (const path of ["/auth/login", "/auth/callback", "/auth/logout"]) known.add(path);
    const rateLimit = { requests: 1, refusals: 1, per: 1 };
    const admission = createAdmission({ localToken, clock, trustedProxies: [], rateLimit });
    const routes = createApi(options, admission, silentLogger(), {} as Login).routes.map(({ path }) => path);
    expect(routes.filter((path) => path !== "/*" && !known.has(path))).toEqual([]);
  });

  it.each(Object.entries(paths).flatMap(([path, status]) => callers.map((caller) => [path, caller, status] as const)))(
    "%s by %s",
    async (path, caller, status) => {
      // Whoever brings no credential is on this machine and may look; a credential that does not count is refused everywhere.
      const isBad = refused.includes(caller) && !/^\/(?:(?:health|ready)z|auth\/.*)$/.test(path);
      expect(await send(port, path, { headers: bearer(caller) })).toMatchObject({ status: isBad ? 401 : status });
    },
  );

  it.each([["PUT"], ["DELETE"], ["PATCH"], ["POST"]])("knows no %s of what is read", async (method) => {
    for (const path of Object.keys(paths))
      expect(await send(port, path, { method, headers: bearer("admin") })).toMatchObject({ status: 404 });
  });
});

describe("the address at which pipelines answer", () => {
  it.each(callers)("takes no credential of a caller, whatever it may do: %s", async (caller) => {
    const path = "/pipelines/00000000-0000-4000-8000-000000000000";
    const body = JSON.stringify({ digest: `sha256:${"a".repeat(64)}` });
    expect(await send(port, path, { method: "POST", headers: bearer(caller), body })).toMatchObject({ status: 401 });
    for (const method of ["GET", "PUT", "DELETE"])
      expect(await send(port, path, { method, headers: bearer(caller) })).toMatchObject({ status: 405 });
  });
});

describe("a token that is limited by labels", () => {
  const images = (name: string, image: string) => {
    const given = { ...inputs[name as keyof typeof inputs] };
    return name === "run" ? { ...given, images: [image] } : { ...given, image };
  };

  it.each(aboutImages)("%s: its images, no others, and not all", async (name) => {
    for (const image of ["web", "api"]) {
      expect(await post("scoped", name, images(name, image))).toMatchObject({ status: 200 });
    }
    reached.length = 0;
    for (const image of ["db", "no-such-image", "constructor"]) {
      const answer = await post("scoped", name, images(name, image));
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.text)).toMatchObject({ code: "OUT_OF_SCOPE" });
    }
    const { image: _image, images: _images, ...whole } = inputs[name as keyof typeof inputs] as Record<string, unknown>;
    expect(await post("scoped", name, whole)).toMatchObject({ status: 403 });
    expect(reached).toEqual([]);
  });

  it.each([[["web", "db"]], [["db", "web"]], [[]], [["web", null]], [{ web: 1 }], ["web,db"]])(
    "run of %j is refused",
    async (some) => {
      reached.length = 0;
      expect(await post("scoped", "run", { images: some })).toMatchObject({ status: 403 });
      expect(reached).toEqual([]);
    },
  );

  it.each(filtered)("%s: what its labels leave, however it asks", async (name) => {
    reached.length = 0;
    expect(await post("scoped", name, {})).toMatchObject({ status: 200 });
    expect(await post("scoped", name, { labels: ["team=search"] })).toMatchObject({ status: 200 });
    const asked = reached.map(({ input }) => (input as { labels: string[] }).labels);
    expect(asked).toEqual([["team=payments", "team=search"], ["team=search"]]);
    for (const labels of [[], ["team=core"], ["team=search", "team=core"], "team=search", [["team=search"]], null])
      expect((await post("scoped", name, { labels })).status).not.toBe(200);
    expect(reached).toHaveLength(2);
  });

  it("sees nothing of what is about the whole fleet", async () => {
    const whole = [...mayDo.viewer, ...mayDo.operator].filter(
      (name) => !aboutImages.includes(name) && !filtered.includes(name),
    );
    for (const name of whole) {
      expect(await post("scoped", name, inputs[name as keyof typeof inputs])).toMatchObject({ status: 403 });
    }
    for (const path of ["/", "/state", "/metrics", "/api/v1/status", "/api/v1/plan", "/api/v1/history"]) {
      expect(await send(port, path, { headers: bearer("scoped") })).toMatchObject({ status: 403 });
    }
    expect(await send(port, "/api/v1/status?image=web", { headers: bearer("scoped") })).toMatchObject({ status: 200 });
    expect(await send(port, "/api/v1/status?image=db", { headers: bearer("scoped") })).toMatchObject({ status: 403 });
  });
});

describe("the record", () => {
  it("has every write, before it is done, with its actor and credential; reading leaves none", async () => {
    const writes = operationNames.filter((name) => operations[name].effect === "write");
    for (const name of operationNames) {
      const [before] = await store.loadAudit({ limit: 1 });
      await post("admin", name, inputs[name]);
      const [after] = await store.loadAudit({ limit: 1 });
      if (!writes.includes(name)) expect(after?.seq, name).toBe(before?.seq);
      else {
        expect(after?.seq, name).toBeGreaterThan(before?.seq ?? 0);
        expect(after).toMatchObject({
          actor: "token:admin",
          action: "asked",
          detail: { operation: name, caller: "token" },
        });
      }
    }
    const rows = JSON.stringify(await store.loadAudit({ limit: 1000 }));
    for (const secret of secrets.values()) {
      expect(rows).not.toContain(secret);
      expect(rows).not.toContain(secret.slice(-43));
    }
    expect(await store.verifyAudit()).toMatchObject({ kind: "intact" });
  });

  it("calls a caller by the name that the server knows, whatever the request says; only the lock file's token is believed", async () => {
    reached.length = 0;
    await post("approver", "approve", { ...inputs.approve, by: "somebody-else" });
    await send(port, "/api/v1/operations/approve", {
      method: "POST",
      headers: { authorization: `Bearer ${localToken}`, "content-type": "application/json" },
      body: JSON.stringify({ ...inputs.approve, by: "ada" }),
    });
    expect(reached.map(({ input }) => (input as { by: string }).by)).toEqual(["token:approver", "ada"]);
  });

  it("calls a job by its repository and ref, with the run that it was, and keeps nothing of its token", async () => {
    await post("job", "rebuild", { ...inputs.rebuild, by: "somebody-else" });
    const [row] = await store.loadAudit({ limit: 1 });
    const host = new URL(issuer.address).host;
    expect(row).toMatchObject({ actor: `${host}:acme/deploy@refs/heads/main`, action: "asked" });
    const subject = "repo:acme/deploy:ref:refs/heads/main";
    expect(row?.detail).toMatchObject({ caller: "workload", credential: `${issuer.address}#${subject}`, run: "7" });
    expect(JSON.stringify(row)).not.toContain((secrets.get("job") ?? "").split(".")[2]);
  });

  it("keeps nothing of what is refused", async () => {
    const [before] = await store.loadAudit({ limit: 1 });
    await post("viewer", "rollback", inputs.rollback);
    await post("operator", "rollback", { nothing: true });
    expect((await store.loadAudit({ limit: 1 }))[0]?.seq).toBe(before?.seq);
  });
});
