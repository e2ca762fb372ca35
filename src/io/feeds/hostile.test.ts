import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "../../lib/index.ts";
import { createFeed, defaultFeedLimits, loadFeeds, type Feed, type FeedLimits } from "./index.ts";
import { openFeedServer, type FeedServer } from "./testdata/feed-server.ts";
import { makeZip, type ZipFile } from "./testdata/make-zip.ts";

const start = Date.parse("2026-08-22T00:00:00Z");
const clock = manualClock(start);
const mebibyte = 1_048_576;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-hostile-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const record = (id: string, name: string, more: object = {}): string =>
  JSON.stringify({
    id,
    modified: "2026-08-21T00:00:00Z",
    affected: [{ package: { ecosystem: "npm", name }, versions: ["1"] }],
    ...more,
  });
const good = Array.from({ length: 30 }, (_, at): ZipFile => {
  const id = `GHSA-${1000 + at}`;
  return { name: `${id}.json`, bytes: record(id, `part-${at}`) };
});
const feedAt = (location: string, limits?: FeedLimits): Feed =>
  createFeed({ name: "osv", kind: "osv", location }, join(folder, "cache"), clock, limits);
async function holds(feed: Feed): Promise<boolean> {
  const key = { ecosystem: "npm", name: "part-7" };
  return (await (await loadFeeds([feed])).lookup([key]))?.find(key.ecosystem, key.name).length === 1;
}

describe("a hostile archive", () => {
  const bomb: ZipFile = { name: "bomb.json", bytes: Buffer.alloc(64 * mebibyte) };
  const cases: readonly [string, Buffer, RegExp][] = [
    ["has a bomb that says how large it is", makeZip([...good, bomb]), /takes it past the limit/],
    ["has a bomb that lies about it", makeZip([...good, { ...bomb, claims: 100 }]), /cannot be unpacked/],
    [
      "has many that are too much together",
      makeZip([...good, ...Array.from({ length: 9 }, () => bomb)]),
      /past the limit/,
    ],
    ["says less than there is", makeZip([{ name: "a.json", bytes: "{}", claims: 9 }]), /lies about its size/],
    ["is packed in another way", makeZip([{ name: "a.json", bytes: "{}", method: 99 }]), /packed by method 99/],
    ["is encrypted", makeZip([{ name: "a.json", bytes: "{}", flags: 1 }]), /is encrypted/],
    ["is cut off", makeZip(good).subarray(0, -30), /no directory/],
    ["begins in its middle", makeZip(good).subarray(200), /FEED|PK|JSON|has no header|no directory|ends/],
    ["is empty", Buffer.alloc(0), /is empty|neither|ends/],
    ["holds nothing", makeZip([]), /is empty/],
    ["has a directory that overlaps", overlapping(), /overlaps another file/],
  ];

  it.each(cases)("that %s is refused, and what was known stays in use", async (_, bytes, message) => {
    const path = join(folder, "all.zip");
    await writeFile(path, makeZip(good));
    await feedAt(path).refresh();
    await writeFile(path, bytes);
    const feed = feedAt(path, { ...defaultFeedLimits, record: 16 * mebibyte, unpacked: 128 * mebibyte });
    const status = await feed.refresh();
    expect(status).toMatchObject({ fault: "failing", advisories: 30 });
    expect(status.alarm).toMatch(message);
    expect(await holds(feed)).toBe(true);
    const [home = ""] = await readdir(join(folder, "cache"));
    expect((await readdir(join(folder, "cache", home))).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it("has broken records set aside, whatever they are named, and no file outside is touched", async () => {
    const path = join(folder, "all.zip");
    const odd: ZipFile[] = [
      { name: "../../../evil.json", bytes: record("GHSA-evil", "evil") },
      { name: "broken.json", bytes: "{" },
      { name: "deep.json", bytes: `{"id":"GHSA-deep","modified":${"[".repeat(50_000)}${"]".repeat(50_000)}}` },
      { name: "proto.json", bytes: '{"__proto__":{"id":"GHSA-proto"},"modified":"2026-01-01T00:00:00Z"}' },
      { name: "nul.json", bytes: record("GHSA-nul", "nul\u0000\u0001\u001b[31m") },
      { name: "notes.txt", bytes: "no record" },
    ];
    await writeFile(path, makeZip([...good, ...odd]));
    const feed = feedAt(path);
    const status = await feed.refresh();
    expect(status).toMatchObject({ fault: undefined, bad: 3 });
    expect(existsSync(join(folder, "evil.json"))).toBe(false);
    const key = { ecosystem: "npm", name: "nul\u0000\u0001\u001b[31m" };
    const index = await (await loadFeeds([feed])).lookup([key]);
    expect(index?.find("npm", key.name)).toHaveLength(status.advisories === 32 ? 1 : 0);
  });
});

/** Two files of a directory that stand on one place. */
function overlapping(): Buffer {
  const bytes = makeZip([
    { name: "a.json", bytes: record("GHSA-a", "a") },
    { name: "b.json", bytes: record("GHSA-b", "b") },
  ]);
  const second = bytes.lastIndexOf("PK\u0001\u0002");
  bytes.writeUInt32LE(10, second + 42);
  return bytes;
}

describe("a hostile server", () => {
  let server: FeedServer;
  beforeEach(async () => {
    server = await openFeedServer();
    server.files.set("/all.zip", makeZip(good));
  });
  afterEach(() => server.close());

  it.each<[string, (at: FeedServer) => void, RegExp]>([
    [
      "redirects for ever",
      (at) =>
        (at.intercept = (request, response) => {
          response.writeHead(302, { location: `${request.url}x` }).end();
          return true;
        }),
      /more than 5 redirects/,
    ],
    [
      "redirects to a file",
      (at) =>
        (at.intercept = (_, response) => {
          response.writeHead(301, { location: "file:///etc/passwd" }).end();
          return true;
        }),
      /redirects to file:/,
    ],
    [
      "says that nothing changed to who knows nothing",
      (at) =>
        (at.intercept = (_, response) => {
          response.writeHead(304).end();
          return true;
        }),
      /nothing changed/,
    ],
    [
      "sends half of what it announces",
      (at) =>
        (at.intercept = (_, response) => {
          response.writeHead(200, { "content-length": 1000 });
          response.write("PK");
          setTimeout(() => response.destroy(), 20);
          return true;
        }),
      /all\.zip: /,
    ],
    [
      "never ends",
      (at) =>
        (at.intercept = (_, response) => {
          const chunk = Buffer.alloc(mebibyte);
          const more = (): void => {
            while (!response.destroyed && response.write(chunk));
            if (!response.destroyed) response.once("drain", more);
          };
          response.writeHead(200);
          more();
          return true;
        }),
      /is larger than/,
    ],
    [
      "fails",
      (at) =>
        (at.intercept = (_, response) => {
          response.writeHead(500).end("busy");
          return true;
        }),
      /answers 500/,
    ],
  ])("that %s is refused, and what was known stays in use", async (_, spoil, message) => {
    const limits = { ...defaultFeedLimits, download: 8 * mebibyte, timeoutMs: 20_000 };
    spoil(server);
    const first = feedAt(`${server.url}/all.zip`, limits);
    const failed = await first.refresh();
    expect(failed).toMatchObject({ fault: "failing", generation: undefined });
    expect(failed.alarm).toMatch(message);
    server.intercept = () => false;
    expect(await first.refresh()).toMatchObject({ fault: undefined, advisories: 30 });
    await first.discard();
    // What was kept is gone: "nothing changed" would be no answer, so it is asked without conditions.
    expect(await first.refresh()).toMatchObject({ fault: undefined, advisories: 30 });
    spoil(server);
    const again = await first.refresh();
    // A server may say that nothing changed where that is so.
    if (!/nothing changed/.test(message.source)) expect(again).toMatchObject({ fault: "failing", advisories: 30 });
    expect(await holds(first)).toBe(true);
  });

  it("that leads elsewhere than to a web address is not followed", async () => {
    server.intercept = (_, response) => {
      response.writeHead(302, { location: "gopher://127.0.0.1/" }).end();
      return true;
    };
    expect((await feedAt(`${server.url}/all.zip`).refresh()).alarm).toMatch(/redirects to gopher:/);
  });
});

describe("what is kept", () => {
  const keptFile = async (): Promise<string> => {
    const [home = ""] = await readdir(join(folder, "cache"));
    const name = (await readdir(join(folder, "cache", home))).find((one) => one.endsWith(".gen")) ?? "";
    return join(folder, "cache", home, name);
  };
  const damage: readonly [string, (bytes: Buffer) => Buffer][] = [
    ["cut off", (bytes) => bytes.subarray(0, -5)],
    ["empty", () => Buffer.alloc(0)],
    ["longer than it was", (bytes) => Buffer.concat([bytes, Buffer.from("x")])],
    ["another program's", () => Buffer.alloc(5000, "not a generation ")],
    [
      "of another version",
      (bytes) => Buffer.from(bytes.toString("latin1").replaceAll("TMGEN003", "TMGEN001"), "latin1"),
    ],
    ["changed in its directory", (bytes) => flip(bytes, bytes.length - 200)],
    ["changed in a block", (bytes) => flip(bytes, 30)],
  ];

  it.each(damage)("and is %s is never believed, and is read anew", async (_, spoil) => {
    const path = join(folder, "all.zip");
    await writeFile(path, makeZip(good));
    await feedAt(path).refresh();
    const kept = await keptFile();
    await writeFile(kept, spoil(await readFile(kept)));
    const feed = feedAt(path);
    const index = await (await loadFeeds([feed])).lookup([{ ecosystem: "npm", name: "part-7" }]);
    expect(index).toBeUndefined();
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 30 });
    expect(await holds(feed)).toBe(true);
  });

  it("stays usable whenever a process that reads a newer one is killed", async () => {
    const path = join(folder, "all.zip");
    await writeFile(path, makeZip(good));
    const held = await feedAt(path).refresh();
    const many = Array.from({ length: 20_000 }, (_, at): ZipFile => ({
      name: `GHSA-${at}.json`,
      bytes: record(`GHSA-${at}`, `part-${at % 5000}`, { summary: `flaw ${at} `.repeat(8) }),
    }));
    await writeFile(path, makeZip(many));
    const program = fileURLToPath(new URL("testdata/refresh-feed.ts", import.meta.url));
    for (let life = 0; life < 6; life += 1) {
      const child = spawn(process.execPath, [program, path, join(folder, "cache")], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = once(child, "exit");
      await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, 40 + life * 130));
      child.kill("SIGKILL");
      await ended;
      const feed = feedAt(path);
      const { status } = await feed.load();
      // Either the old one, or the new one whole.
      expect([held.generation, undefined]).toContain(status.advisories === 30 ? status.generation : undefined);
      expect([30, 20_000]).toContain(status.advisories);
      const key = { ecosystem: "npm", name: "part-7" };
      const said = (await (await loadFeeds([feed])).lookup([key]))?.find(key.ecosystem, key.name).length;
      expect(said).toBe(status.advisories === 30 ? 1 : 4);
    }
    const feed = feedAt(path);
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 20_000 });
    const [home = ""] = readdirSync(join(folder, "cache"));
    const left = readdirSync(join(folder, "cache", home)).filter((name) => name.endsWith(".part"));
    expect(left).toEqual([]);
  }, 120_000);

  it("is made without stopping this thread for longer than probes and leases can bear", async () => {
    const path = join(folder, "all.zip");
    const many = Array.from({ length: 30_000 }, (_, at): ZipFile => ({
      name: `GHSA-${at}.json`,
      bytes: record(`GHSA-${at}`, `part-${at % 9000}`),
    }));
    await writeFile(path, makeZip(many));
    const feed = feedAt(path);
    // The first reading starts the thread: loading its code is not what is measured.
    await createFeed({ name: "warm", kind: "osv", location: path }, join(folder, "warm"), clock).refresh();
    const delays = monitorEventLoopDelay({ resolution: 1 });
    delays.enable();
    expect(await feed.refresh()).toMatchObject({ fault: undefined, advisories: 30_000 });
    delays.disable();
    // Of a machine that does nothing else it is a few milliseconds; the garbage of the zip above is this test's own.
    expect(delays.percentile(99.5) / 1e6).toBeLessThan(50);
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  return bytes;
}
