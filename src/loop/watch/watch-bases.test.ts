import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { createFaultyRegistry, type FaultyRegistry } from "../../../test/fakes/faulty-registry.ts";
import { describeStores } from "../../../test/fakes/stores.ts";
import { createRegistryClient, createTagAsker, type RegistryClient, type Repository } from "../../io/registry/index.ts";
import {
  missingDockerRegistry,
  startDockerRegistry,
  type DockerRegistry,
} from "../../io/registry/testdata/docker-registry.ts";
import { startHostile, type HostileServer } from "../../io/registry/testdata/hostile-server.ts";
import { makeImage, makeIndex, pushImage, type MadeImage } from "../../io/registry/testdata/make-image.ts";
import { makeEnvelope, makeKey, makePayload, signBytes, simpleSigning } from "../../io/sign/testdata/make-signature.ts";
import { makeBlob, makeDocument } from "../../io/registry/testdata/make-image.ts";
import { mediaTypes } from "../../core/image/index.ts";
import { silentLogger, type Digest } from "../../lib/index.ts";
import { needs } from "../../../test/needs.ts";
import type { LoopEvent } from "../context.ts";
import type { FollowedBase } from "../followed-base.ts";
import { watchBases } from "./watch-bases.ts";

const hour = 3_600_000;
const day = 24 * hour;
const amd64 = { os: "linux", architecture: "amd64" };
const arm64 = { os: "linux", architecture: "arm64" };
const missingDocker = await missingDockerRegistry();

describeStores("watchBases", ({ it, store, clock, kind }) => {
  let folder: string;
  let embedded: FaultyRegistry;
  let docker: DockerRegistry;
  let client: RegistryClient;
  let events: LoopEvent[];
  let images: MadeImage[];
  let names = 0;
  const hostile: HostileServer[] = [];
  beforeAll(async () => {
    if (kind.missing !== undefined) return;
    folder = await mkdtemp(join(tmpdir(), "tidemill-watch-bases-"));
    embedded = await createFaultyRegistry(folder);
    if (missingDocker === undefined) docker = await startDockerRegistry();
    images = await Promise.all(["one", "two", "three"].map((text) => makeImage([text])));
  });
  beforeEach(() => {
    events = [];
    client = createRegistryClient({ retries: 0, timeoutMs: 5000 });
  });
  afterEach(async () => {
    embedded?.heal();
    await client.close();
    for (const server of hostile.splice(0)) await server.close();
  });
  afterAll(async () => {
    await embedded?.close();
    await docker?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** A repository of its own, and a base that follows it. */
  const given = (more: Partial<FollowedBase> = {}, host = embedded.host): { base: FollowedBase; place: Repository } => {
    const repository = `team/base${(names += 1)}`;
    const base: FollowedBase = {
      name: "debian",
      registry: host,
      repository,
      rule: { kind: "tag", tag: "12" },
      platforms: [amd64],
      settleMs: hour,
      coolDownMs: 3 * day,
      ...more,
    };
    return { base, place: client.repository(`${base.registry}/${base.repository}`) };
  };
  const watch = (
    bases: readonly FollowedBase[],
    signal = new AbortController().signal,
    asker = createTagAsker(client, { clock, freshMs: 0 }),
  ) => {
    const ctx = {
      store: store(),
      clock,
      log: silentLogger(),
      signal,
      emit: (event: LoopEvent) => void events.push(event),
    };
    return watchBases(ctx, bases, { registries: client, asker, clock });
  };
  const look = async (base: FollowedBase) => {
    const { bases } = await watch([base]);
    const view = bases.get(base.name);
    if (view === undefined) throw new Error("no view");
    return view;
  };
  const imageOf = (index: number): MadeImage => {
    const image = images[index];
    if (image === undefined) throw new Error("no image");
    return image;
  };
  const push = async (place: Repository, index: number, tag = "12"): Promise<Digest> => {
    await pushImage(place, imageOf(index), tag);
    return imageOf(index).manifest.digest;
  };
  const alarms = async () => (await store().loadAlarms()).map(({ code, subject }) => `${code} ${subject}`).toSorted();

  it("believes the first at once, and the next when it has settled and cooled down, across restarts", async () => {
    const { base, place } = given();
    const first = await push(place, 0);
    expect(await look(base)).toMatchObject({
      state: "new",
      believed: { digest: first, tag: "12", previous: undefined },
    });
    expect(await look(base)).toMatchObject({ state: "same", shown: undefined });
    const second = await push(place, 1);
    clock.advance(1000);
    const seen = clock.now();
    expect(await look(base)).toMatchObject({
      state: "settling",
      until: seen + hour,
      believed: { digest: first },
      shown: { digest: second, firstSeen: seen },
    });
    clock.advance(hour);
    expect(await look(base)).toMatchObject({ state: "cool-down", until: seen + 3 * day, believed: { digest: first } });
    clock.advance(3 * day - hour - 1);
    expect(await look(base)).toMatchObject({ state: "cool-down" });
    clock.advance(1);
    expect(await look(base)).toMatchObject({
      state: "new",
      believed: { digest: second, previous: first, since: clock.now() },
    });
    expect(await look(base)).toMatchObject({ state: "same" });
    const observations = await store().loadObservations({ upstream: "debian" });
    expect(observations.map(({ contentKey, baseline }) => [contentKey, baseline])).toEqual([
      [second, false],
      [first, true],
    ]);
    expect(await store().loadUpstreams()).toMatchObject([
      { name: "debian", kind: "base", failures: 0, lastSuccess: clock.now() },
    ]);
    expect(events.map(({ kind: what, message }) => `${what} ${message.slice(0, 30)}`)).toEqual([
      expect.stringMatching(/^observed debian: 12 names sha256/),
      expect.stringMatching(/^note debian: 12 names/),
      expect.stringMatching(/^observed/),
      expect.stringMatching(/^note/),
      expect.stringMatching(/^note/),
      expect.stringMatching(/^note/),
    ]);
    expect(await alarms()).toEqual([]);
  });

  it("FAULTS 7: holds a tag that moved back, alarms, and goes on when it moves on", async () => {
    const { base, place } = given({ settleMs: 0, coolDownMs: 0 });
    const first = await push(place, 0);
    await look(base);
    const second = await push(place, 1);
    expect(await look(base)).toMatchObject({ state: "new" });
    await push(place, 0);
    for (let times = 0; times < 2; times += 1) {
      expect(await look(base)).toMatchObject({
        state: "moved-back",
        believed: { digest: second },
        shown: { digest: first },
      });
      expect(await alarms()).toEqual(["base-moved-back debian"]);
      clock.advance(30 * day);
    }
    expect(events.filter((event) => event.kind === "alarm")).toHaveLength(1);
    const third = await push(place, 2);
    expect(await look(base)).toMatchObject({ state: "new", believed: { digest: third, previous: second } });
    expect(await alarms()).toEqual([]);
    await push(place, 0);
    expect(await look({ ...base, accepted: [first] })).toMatchObject({ state: "new", believed: { digest: first } });
  });

  it("waits for the platforms of an index, and alarms when they never come", async () => {
    const { base, place } = given({ platforms: [amd64, arm64], coolDownMs: 0 });
    const arm = await makeImage(["one", "for arm"], "arm64");
    const [whole, half] = [makeIndex({ amd64: imageOf(0), arm64: arm }), makeIndex({ amd64: imageOf(1) })];
    for (const image of [imageOf(0), imageOf(1), arm]) await pushImage(place, image);
    await place.putManifest(whole, "12");
    expect(await look(base)).toMatchObject({ state: "new", believed: { digest: whole.digest } });
    await place.putManifest(half, "12");
    expect(await look(base)).toMatchObject({
      state: "settling",
      message: expect.stringContaining("lacks linux/arm64"),
    });
    clock.advance(2 * hour);
    expect(await look(base)).toMatchObject({ state: "settling" });
    expect(await alarms()).toEqual([]);
    clock.advance(day);
    expect(await look(base)).toMatchObject({ state: "settling", believed: { digest: whole.digest } });
    expect(await alarms()).toEqual(["base-failing debian"]);
    const both = makeIndex({ amd64: imageOf(1), arm64: arm });
    await place.putManifest(both, "12");
    expect(await look(base)).toMatchObject({ state: "settling", until: clock.now() + hour });
    clock.advance(hour);
    expect(await look(base)).toMatchObject({ state: "new", believed: { digest: both.digest } });
    expect(await alarms()).toEqual([]);
  });

  it("keeps what it believed of a tag that is gone", async () => {
    const { base, place } = given();
    const first = await push(place, 0);
    await look(base);
    await place.deleteManifest("12");
    expect(await look(base)).toMatchObject({ state: "gone", believed: { digest: first } });
    expect(await alarms()).toEqual(["base-gone debian"]);
    await push(place, 0);
    expect(await look(base)).toMatchObject({ state: "same" });
    expect(await alarms()).toEqual([]);
  });

  it("follows a pattern from tag to tag", async () => {
    const { base, place } = given({ rule: { kind: "distro", like: "12.1-slim" }, settleMs: 0, coolDownMs: 0 });
    await push(place, 0, "12.1-slim");
    await push(place, 2, "13.0-slim");
    expect(await look(base)).toMatchObject({ state: "new", believed: { tag: "12.1-slim" } });
    const second = await push(place, 1, "12.10-slim");
    expect(await look(base)).toMatchObject({
      state: "new",
      believed: { tag: "12.10-slim", digest: second },
      message: expect.stringContaining("12.10-slim is the newest of 2 that fit 12.*-slim"),
    });
    await place.deleteManifest("12.10-slim");
    expect(await look(base)).toMatchObject({ state: "moved-back", believed: { digest: second } });
    expect(await look({ ...base, rule: { kind: "distro", like: "11.1-slim" } })).toMatchObject({
      state: "gone",
      believed: undefined,
    });
    expect(await look({ ...base, rule: { kind: "regex", pattern: "(?=x)", order: [] } })).toMatchObject({
      state: "failing",
      message: expect.stringContaining("look-around"),
    });
  });

  it("proposes where a digest is followed", async () => {
    const { base, place } = given({ coolDownMs: 0 });
    const first = await push(place, 0);
    const pinned: FollowedBase = { ...base, rule: { kind: "digest", digest: first, tag: "12" } };
    expect(await look(pinned)).toMatchObject({ state: "same", believed: { digest: first } });
    const second = await push(place, 1);
    await look(pinned);
    clock.advance(hour);
    expect(await look(pinned)).toMatchObject({
      state: "proposed",
      believed: { digest: first },
      shown: { digest: second },
    });
    const taken: FollowedBase = { ...base, rule: { kind: "digest", digest: second, tag: "12" } };
    expect(await look(taken)).toMatchObject({ state: "same", believed: { digest: second } });
  });

  it("believes nothing of the old one when another is followed under its name", async () => {
    const { base, place } = given();
    await push(place, 0);
    await look(base);
    const other = given();
    const second = await push(other.place, 1);
    expect(await look(other.base)).toMatchObject({ state: "new", believed: { digest: second, previous: undefined } });
  });

  it("believes what is signed, once it is", async () => {
    const key = makeKey("ecdsa");
    const { base, place } = given({ signature: { kind: "key", keys: [key.pem] } });
    const first = await push(place, 0);
    expect(await look(base)).toMatchObject({
      state: "unsigned",
      believed: undefined,
      message: expect.stringContaining("no signature"),
    });
    expect(await alarms()).toEqual(["base-unsigned debian"]);
    const payload = makePayload(first, `${base.registry}/${base.repository}`);
    const [config, layer] = [makeBlob("{}", mediaTypes.config), makeBlob(payload, simpleSigning)];
    const annotations = { "dev.cosignproject.cosign/signature": signBytes(key, payload) };
    const signature = makeDocument({ config: config.descriptor, layers: [{ ...layer.descriptor, annotations }] });
    await pushImage(place, { manifest: signature, blobs: [config, layer] }, `${first.replace(":", "-")}.sig`);
    expect(await look(base)).toMatchObject({ state: "new", believed: { digest: first } });
    expect(await alarms()).toEqual([]);
    // Who must have built it is asked beside that, and is another base until it is known.
    expect(await look({ ...base, provenance: { builder: "https://builds.example" } })).toMatchObject({
      state: "unsigned",
      believed: undefined,
      message: expect.stringContaining("its provenance does not count: it has none"),
    });
    // Under another policy nothing was ever verified.
    expect(await look({ ...base, signature: { kind: "key", keys: [makeKey("ecdsa").pem] } })).toMatchObject({
      state: "unsigned",
      believed: undefined,
    });
    expect(await look({ ...base, signature: { kind: "key", keys: ["none"] } })).toMatchObject({
      state: "failing",
      message: expect.stringContaining("cannot be used"),
    });
  });

  it("asks who signs it what he says of its vulnerabilities, once an hour, and keeps that where he cannot be asked", async () => {
    const key = makeKey("ecdsa");
    const { base, place } = given({ name: "signed", signature: { kind: "key", keys: [key.pem] } });
    const image = imageOf(0);
    const index = makeIndex({ amd64: image });
    await pushImage(place, image, "amd64");
    await pushImage(place, { manifest: index, blobs: [] }, "12");
    const { digest } = index;
    const attach = async (suffix: string, layers: readonly { bytes: Buffer; type: string; says?: string }[]) => {
      const config = makeBlob("{}", mediaTypes.config);
      const blobs = layers.map(({ bytes, type }) => makeBlob(bytes, type));
      const described = blobs.map(({ descriptor }, at) => ({
        ...descriptor,
        annotations: {
          "dev.cosignproject.cosign/signature": layers[at]?.says ?? "",
          predicateType: layers[at]?.says ?? "",
        },
      }));
      const manifest = makeDocument({ config: config.descriptor, layers: described });
      await pushImage(place, { manifest, blobs: [config, ...blobs] }, `${digest.replace(":", "-")}${suffix}`);
    };
    const payload = makePayload(digest, `${base.registry}/${base.repository}`);
    await attach(".sig", [{ bytes: payload, type: simpleSigning, says: signBytes(key, payload) }]);
    const predicateType = "https://openvex.dev/ns";
    const said = (id: string, by = key, of: Digest = image.manifest.digest) => ({
      type: "application/vnd.dsse.envelope.v1+json",
      says: predicateType,
      bytes: Buffer.from(
        JSON.stringify(
          makeEnvelope(by, of, {
            predicateType,
            predicate: {
              "@context": "https://openvex.dev/ns/v0.2.0",
              author: "them",
              statements: [{ vulnerability: { name: id }, status: "fixed" }],
            },
          }),
        ),
      ),
    });
    const words = async () =>
      (await store().loadBaseVex())
        .filter(({ base: of }) => of !== "debian")
        .map(({ base: of, statements, digests, problems }) => ({
          of,
          ids: statements.map(({ vulnerabilities: [id], author }) => `${id} ${author.replace(/[0-9a-f]{16}/, "…")}`),
          digests,
          problems,
        }));
    expect((await look(base)).state).toBe("new");
    const asked = { of: "signed", digests: [digest, image.manifest.digest], problems: [] };
    expect(await words()).toEqual([{ ...asked, ids: [] }]);

    await attach(".att", [said("CVE-2026-0001"), said("CVE-2026-0002", makeKey("ecdsa"))]);
    expect((await look(base)).state).toBe("same");
    expect(await words()).toMatchObject([{ ids: [] }]);
    clock.advance(hour);
    await look(base);
    const theirs = { ...asked, ids: ["CVE-2026-0001 them (signed by ECDSA key …)"] };
    expect(await words()).toEqual([{ ...theirs, problems: [expect.stringContaining("not by a key")] }]);
    expect(events.filter(({ message }) => message.includes("does not count"))).toHaveLength(1);

    clock.advance(hour);
    embedded.fail(/\.att$/, 503);
    expect((await look(base)).state).toBe("same");
    expect(await words()).toMatchObject([{ ids: theirs.ids }]);
    embedded.heal();
    await attach(".att", [said("CVE-2026-0003")]);
    await look(base);
    expect(await words()).toMatchObject([{ ids: [expect.stringContaining("CVE-2026-0003")], problems: [] }]);
    // Of whom nobody says who signs it, nothing is asked.
    const open = given({ name: "open" });
    await push(open.place, 1);
    await look(open.base);
    expect((await words()).map(({ of }) => of)).toEqual(["signed"]);
  });

  it("says what is past its end, with what comes after it, and clears that", async () => {
    const { base, place } = given();
    await push(place, 0);
    const os = { id: "debian", versionId: "11", codename: "bullseye", prettyName: undefined };
    const view = await look({ ...base, system: { os, env: ["NODE_VERSION=16.1.0"] } });
    expect(view.support.map((one) => one.kind)).toEqual(["security-only", "ended"]);
    expect(await store().loadAlarms()).toMatchObject([
      {
        code: "base-end-of-life",
        severity: "error",
        message: expect.stringContaining("Node.js 16"),
        hint: "Move to Node.js 24.",
      },
    ]);
    await look({ ...base, system: { os, env: [] } });
    expect(await store().loadAlarms()).toMatchObject([{ severity: "warning", hint: "Move to Debian 13 (trixie)." }]);
    await look(base);
    expect(await alarms()).toEqual([]);
  });

  it("lets one registry that fails stop no other, and clears alarms of what is followed no more", async () => {
    const { base, place } = given({ name: "good" });
    const digest = await push(place, 0);
    const broken = await startHostile((_, response) => response.writeHead(500).end());
    const silent = await startHostile(() => undefined);
    hostile.push(broken, silent);
    const impatient = createRegistryClient({ retries: 0, timeoutMs: 300 });
    const bases = [
      { ...base, name: "silent", registry: silent.host },
      { ...base, name: "broken", registry: broken.host },
      { ...base, name: "nowhere", registry: "127.0.0.1:1" },
      base,
    ];
    const ctx = {
      store: store(),
      clock,
      log: silentLogger(),
      signal: new AbortController().signal,
      emit: (event: LoopEvent) => void events.push(event),
    };
    const watched = await watchBases(ctx, bases, {
      registries: impatient,
      asker: createTagAsker(impatient, { clock }),
      clock,
    });
    await impatient.close();
    expect(watched.updated).toEqual(["good"]);
    expect(watched.failed.map(({ upstream }) => upstream).toSorted()).toEqual(["broken", "nowhere", "silent"]);
    expect(watched.bases.get("good")).toMatchObject({ believed: { digest } });
    expect(await alarms()).toEqual(["base-failing broken", "base-failing nowhere", "base-failing silent"]);
    await look(base);
    expect(await alarms()).toEqual([]);
  });

  it("keeps what it believed, and its alarms, while the registry fails", async () => {
    const { base, place } = given();
    const first = await push(place, 0);
    await look(base);
    await place.deleteManifest("12");
    await look(base);
    embedded.fail(/manifests/, 403);
    expect(await look(base)).toMatchObject({ state: "failing", believed: { digest: first } });
    expect(await alarms()).toEqual(["base-failing debian", "base-gone debian"]);
    expect(await store().loadUpstreams()).toMatchObject([{ failures: 1, lastError: { code: "DENIED" } }]);
  });

  it("is patient with a registry that has had enough, and then is not", async () => {
    const { base, place } = given();
    await push(place, 0);
    await look(base);
    embedded.fail(/manifests/, 429);
    for (const expected of [[], [], ["base-failing debian"]]) {
      expect(await look(base)).toMatchObject({ state: "failing" });
      expect(await alarms()).toEqual(expected);
      clock.advance(15 * 60_000);
    }
  });

  it("goes on with what has cooled down although the tag has moved on, if it is still there", async () => {
    const { base, place } = given({ settleMs: 0, coolDownMs: 3 * day });
    const first = await push(place, 0);
    await look(base);
    const digests: Digest[] = [];
    for (const text of ["monday", "tuesday"]) {
      const image = await makeImage([text]);
      await pushImage(place, image, "12");
      digests.push(image.manifest.digest);
      clock.advance(day);
      expect(await look(base)).toMatchObject({ state: "cool-down", believed: { digest: first } });
    }
    const [monday, tuesday] = digests;
    if (monday === undefined || tuesday === undefined) throw new Error("no digests");
    const last = await makeImage(["wednesday"]);
    await pushImage(place, last, "12");
    clock.advance(2 * day);
    expect(await look(base)).toMatchObject({ state: "new", believed: { digest: monday, previous: first } });
    await place.deleteManifest(tuesday);
    clock.advance(day);
    expect(await look(base)).toMatchObject({
      state: "cool-down",
      believed: { digest: monday },
      shown: { digest: last.manifest.digest },
    });
    clock.advance(2 * day);
    expect(await look(base)).toMatchObject({
      state: "new",
      believed: { digest: last.manifest.digest, previous: monday },
    });
  });

  it("FAULTS 26: believes nothing early where our clock jumps and the registry's does not", async () => {
    let offset = 0;
    let shown = 0;
    const began = clock.now();
    const server = await startHostile((request, response, url) => {
      const { digest, bytes, mediaType } = imageOf(shown).manifest;
      response.sendDate = false;
      response.setHeader("date", new Date(clock.now() - offset).toUTCString());
      if (url.pathname.includes("/manifests/")) response.setHeader("docker-content-digest", digest);
      const blob = imageOf(shown).blobs.find((one) => url.pathname.endsWith(one.descriptor.digest));
      const body = url.pathname.includes("/manifests/") ? bytes : (blob?.bytes ?? Buffer.alloc(0));
      response.writeHead(200, {
        "content-type": blob === undefined ? mediaType : "application/octet-stream",
        "content-length": body.byteLength,
      });
      response.end(request.method === "HEAD" ? undefined : body);
    });
    hostile.push(server);
    const { base } = given({ settleMs: 0, coolDownMs: 2 * day }, server.host);
    await look(base);
    shown = 1;
    clock.advance(hour);
    expect(await look(base)).toMatchObject({ state: "cool-down" });
    // Two real days less an hour, and a jump of a day.
    clock.advance(3 * day - hour);
    offset = day;
    expect(await look(base)).toMatchObject({ state: "cool-down", until: began + hour + 2 * day });
    clock.advance(hour);
    expect(await look(base)).toMatchObject({ state: "new" });
  });

  it("takes a tag that names what is not there, or what is no image, for one that fails", async () => {
    const { mediaType, digest } = imageOf(0).manifest;
    const bodies: Buffer[] = [];
    const server = await startHostile((request, response) => {
      const [body] = bodies;
      if (request.method !== "HEAD" && body === undefined) return response.writeHead(404).end();
      const head = { "content-type": mediaType, "content-length": body?.byteLength ?? 7 };
      response.writeHead(200, request.method === "HEAD" ? { ...head, "docker-content-digest": digest } : head);
      return response.end(request.method === "HEAD" ? undefined : body);
    });
    hostile.push(server);
    const { base } = given({}, server.host);
    expect(await look(base)).toMatchObject({
      state: "failing",
      believed: undefined,
      message: expect.stringContaining("which is not there"),
    });
    bodies.push(Buffer.from("other bytes"));
    expect(await look(base)).toMatchObject({
      state: "failing",
      believed: undefined,
      message: expect.stringContaining("another digest"),
    });
    expect(await alarms()).toEqual(["base-failing debian"]);
  });

  it("asks three tags of one repository for 100 bases with three requests", async () => {
    const { base, place } = given();
    for (const [index, tag] of ["11", "12", "13"].entries()) await push(place, index, tag);
    const bases = Array.from({ length: 100 }, (_, n): FollowedBase => ({
      ...base,
      name: `base${n}`,
      rule: { kind: "tag", tag: String(11 + (n % 3)) },
    }));
    await watch(bases, undefined, createTagAsker(client, { clock }));
    const before = client.stats().requests;
    const watched = await watch(bases, undefined, createTagAsker(client, { clock }));
    expect(client.stats().requests - before).toBe(3);
    expect([...watched.bases.values()].every(({ state }) => state === "same")).toBe(true);
  });

  it("ends when it is told to", async () => {
    const { base } = given();
    await expect(watch([base], AbortSignal.abort(new Error("the fleet closes")))).rejects.toThrow("the fleet closes");
    expect(await alarms()).toEqual([]);
  });

  needs(kind.missing ?? missingDocker)("watches Docker's own registry just so", async () => {
    const { base, place } = given({ coolDownMs: 0 }, docker.host);
    const first = await push(place, 0);
    expect(await look(base)).toMatchObject({ state: "new", believed: { digest: first } });
    const second = await push(place, 1);
    expect(await look(base)).toMatchObject({ state: "settling" });
    clock.advance(hour);
    expect(await look(base)).toMatchObject({ state: "new", believed: { digest: second, previous: first } });
    await push(place, 0);
    expect(await look(base)).toMatchObject({ state: "moved-back" });
    expect(await look({ ...base, rule: { kind: "semver", range: "*" } })).toMatchObject({
      state: "new",
      believed: { tag: "12" },
    });
    expect(await look({ ...base, repository: "team/nothing" })).toMatchObject({ state: "gone" });
  });
});
