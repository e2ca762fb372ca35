import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { afterEach, describe, expect, it } from "vitest";
import { collectBytes } from "../../src/lib/index.ts";
import { deliverOutbox } from "../../src/deliver-outbox.ts";
import { smallFleets } from "./fixture.ts";
import { hour, minute, smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();
const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});
const secret = "a secret of the receivers";

interface Got {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** What Slack, Teams and a bus are, as far as HTTP goes: keeps what came, and answers as `answers` says by path. */
async function openHooks(answers: Record<string, { status: number; headers?: Record<string, string> }> = {}) {
  const got: Got[] = [];
  const server: Server = createServer((request, response) => {
    void collectBytes(request, 1 << 20, "a message").then((bytes) => {
      const path = request.url ?? "";
      got.push({ path, headers: request.headers, body: JSON.parse(bytes.toString("utf8")) });
      const { status, headers } = answers[path] ?? { status: 200 };
      response.writeHead(status, headers).end("ok");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, at: (path: string): Got[] => got.filter((one) => one.path === path), answers };
}

/** A mail server that asks for a password, and has no TLS where it is told so. */
async function openMail(options: { readonly hasTls?: boolean } = {}) {
  const mails: { readonly to: string[]; readonly text: string }[] = [];
  const server = new SMTPServer({
    authOptional: false,
    allowInsecureAuth: true,
    ...(options.hasTls === true ? {} : { disabledCommands: ["STARTTLS"] }),
    onAuth: ({ password }, _session, done) =>
      password === "mail password" ? done(null, { user: "mill" }) : done(new Error(`not ${String(password)}`)),
    onData: (stream, { envelope }, done) => {
      const pieces: Buffer[] = [];
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.on("end", () => {
        const to = envelope.rcptTo.map(({ address }) => address);
        mails.push({ to, text: Buffer.concat(pieces).toString("utf8") });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(() => new Promise((resolve) => server.close(() => resolve())));
  const { port } = server.server.address() as AddressInfo;
  return {
    mails,
    url: (password = "mail password") => `smtp://mill:${encodeURIComponent(password)}@127.0.0.1:${port}`,
  };
}

describe("receivers", { timeout: 180_000 }, () => {
  it("are told each in its way, of what each wants", async () => {
    const { url, at } = await openHooks();
    const { mails, url: mailUrl } = await openMail();
    const receivers = {
      chat: { slack: { url: `${url}/slack` }, events: ["promoted"], environments: ["production"] },
      cards: { teams: { url: `${url}/teams` }, labels: ["team=gauge"] },
      bus: { cloudevents: { url: `${url}/bus`, secret } },
      headers: { cloudevents: { url: `${url}/headers`, secret, mode: "binary" }, events: ["held"] },
      mail: {
        email: { server: mailUrl(), from: "mill@example.org", to: ["ops@example.org"], plainText: true },
        events: ["held"],
      },
      nobody: { slack: { url: `${url}/nobody` }, urgentOnly: true },
    };
    const images = {
      "small-alone": {
        packages: ["small-base", "small-gauge"],
        entrypoint: ["/usr/bin/small-gauge"],
        labels: { team: "gauge" },
      },
    };
    const { operations, run } = await fleets.start({ notifications: { receivers }, images });
    await operations.hold({ image: "small-root", by: "ada", reason: "drill" });
    await run();
    expect(at("/slack")).toHaveLength(3);
    expect(at("/slack")[0]?.body).toMatchObject({
      text: expect.stringMatching(/^small-\w+ was promoted in production$/) as string,
    });
    expect(at("/teams").length).toBeGreaterThanOrEqual(2);
    expect(JSON.stringify(at("/teams"))).not.toContain("small-root");
    const events = at("/bus").map(({ body }) => body as { type: string; id: string; subject: string });
    expect(events.filter(({ type }) => type === "dev.tidemill.promoted")).toHaveLength(6);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    expect(at("/bus")[0]?.headers).toMatchObject({
      "content-type": "application/cloudevents+json",
      "webhook-signature": expect.stringMatching(/^v1,/) as string,
    });
    expect(at("/headers")).toMatchObject([
      { headers: { "ce-type": "dev.tidemill.held", "ce-subject": "small-root" }, body: { image: "small-root" } },
    ]);
    expect(mails).toMatchObject([{ to: ["ops@example.org"] }]);
    expect(mails[0]?.text).toMatch(/^Subject: \[tidemill\] small-root is held\r$/m);
    expect(mails[0]?.text).toMatch(/^Message-ID: <[0-9a-f-]{36}@tidemill\.invalid>\r$/m);
    expect(at("/nobody")).toEqual([]);
  });

  it("that are down keep nothing from others, are asked again when they say, and are given up at last", async () => {
    const { url, at, answers } = await openHooks({ "/slack": { status: 429, headers: { "retry-after": "120" } } });
    const receivers = {
      chat: { slack: { url: `${url}/slack` }, events: ["held"] },
      cards: { teams: { url: `${url}/teams` }, events: ["held"] },
    };
    const { operations, fleet, clock } = await fleets.start({ notifications: { receivers } });
    await operations.hold({ image: "small-root", by: "ada", reason: "drill" });
    await deliverOutbox(fleet.ctx, () => 0);
    expect([at("/slack").length, at("/teams").length]).toEqual([1, 1]);
    clock.jump(minute);
    await deliverOutbox(fleet.ctx, () => 0);
    expect(at("/slack")).toHaveLength(1);
    clock.jump(minute);
    await deliverOutbox(fleet.ctx, () => 0);
    expect([at("/slack").length, at("/teams").length]).toEqual([2, 1]);
    for (let tries = 0; tries < 12; tries += 1) {
      clock.jump(6 * hour);
      await deliverOutbox(fleet.ctx, () => 0);
    }
    expect(at("/slack")).toHaveLength(12);
    expect(await fleet.ctx.store.countNotifications()).toEqual({ waiting: 0, abandoned: 1 });
    answers["/slack"] = { status: 200 };
    expect(await operations.notifyResend({})).toEqual({ again: 1 });
    expect(at("/slack")).toHaveLength(13);
    expect(await fleet.ctx.store.countNotifications()).toEqual({ waiting: 0, abandoned: 0 });
  });

  it("with a digest get one message of what came meanwhile, the same thing counted, and what is urgent at once", async () => {
    const { url, at } = await openHooks();
    const receivers = {
      chat: { slack: { url: `${url}/slack` }, digest: "10m", events: ["promoted", "held", "resumed", "rolled-back"] },
    };
    const { small, operations, fleet, clock, run } = await fleets.start({ notifications: { receivers } });
    await deliverOutbox(fleet.ctx);
    expect(at("/slack")).toEqual([]);
    clock.jump(10 * minute);
    await deliverOutbox(fleet.ctx);
    expect(at("/slack").map(({ body }) => (body as { text: string }).text)).toEqual([
      expect.stringMatching(/^Tidemill: 6 things since /),
    ]);
    for (let times = 0; times < 3; times += 1) {
      await operations.hold({ image: "small-root", by: "ada", reason: "drill" });
      await deliverOutbox(fleet.ctx);
      await operations.resume({ image: "small-root", by: "ada", reason: "drill" });
    }
    await small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await run();
    await operations.rollback({ image: "small-alone", environment: "production", by: "ada", reason: "drill" });
    await deliverOutbox(fleet.ctx);
    expect(
      at("/slack")
        .map(({ body }) => (body as { text: string }).text)
        .slice(1),
    ).toEqual(["small-alone was taken back in production"]);
    clock.jump(10 * minute);
    await deliverOutbox(fleet.ctx);
    expect(JSON.stringify(at("/slack").at(-1)?.body)).toContain("small-root is held (3 times)");
  });

  it("are tried by a command, which says what they answered and no secret", async () => {
    const { url } = await openHooks({ "/teams": { status: 403 } });
    const mail = await openMail();
    const strict = await openMail();
    const forged = await openMail({ hasTls: true });
    const mailbox = { from: "mill@example.org", to: ["ops@example.org"] };
    const receivers = {
      chat: { slack: { url: `${url}/slack/s3cr3t-path` } },
      cards: { teams: { url: `${url}/teams` } },
      mail: { email: { ...mailbox, server: mail.url(), plainText: true } },
      wrong: { email: { ...mailbox, server: mail.url("wrong password"), plainText: true } },
      strict: { email: { ...mailbox, server: strict.url() } },
      forged: { email: { ...mailbox, server: forged.url() } },
      weak: { webhook: { url: `${url}/weak`, secret: "short" } },
    };
    const small = await fleets.create({ notifications: { receivers } });
    const all = await small.tidemill(["notify", "test", "--json"]);
    const { results } = JSON.parse(all.out) as { results: { receiver: string; told: boolean; detail: string }[] };
    expect(Object.fromEntries(results.map(({ receiver, told, detail }) => [receiver, `${told} ${detail}`]))).toEqual({
      chat: "true it answered 200",
      cards: "false the receiver answered 403",
      mail: expect.stringMatching(/^true 250 /) as string,
      wrong: expect.stringMatching(/^false .*not \*\*\*/) as string,
      strict: expect.stringMatching(/^false .*(?:TLS|STARTTLS)/) as string,
      forged: expect.stringMatching(/^false .*certificate/i) as string,
      weak: "false the webhook's secret is shorter than 16 characters",
    });
    expect(all.status).toBe(1);
    for (const one of ["wrong password", "mail password", "s3cr3t-path"])
      expect(`${all.out}${all.err}`).not.toContain(one);
    expect(mail.mails).toHaveLength(1);
    expect([...strict.mails, ...forged.mails]).toEqual([]);
    expect(await small.tidemill(["notify", "test", "chat"])).toMatchObject({
      status: 0,
      out: expect.stringContaining("chat") as string,
    });
    const absent = await small.tidemill(["notify", "test", "nobody"]);
    expect(absent.status).not.toBe(0);
    expect(absent.err).toMatch(/nobody.*\n.*chat, cards, mail/);
  });

  it("are checked with the configuration, by line and column", async () => {
    const small = await fleets.create({
      notifications: {
        receivers: { chat: { slack: { url: "https://hooks.example/x" }, template: { title: "{{image}} {{secret}}" } } },
      },
    });
    const { status, out } = await small.tidemill(["validate"]);
    expect(status).not.toBe(0);
    expect(out).toMatch(/tidemill\.yaml:\d+:\d+: notifications\.receivers\.chat[^\n]*/);
  });
});
