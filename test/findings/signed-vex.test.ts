import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { mediaTypes } from "../../src/core/image/index.ts";
import { copyImage, createRegistryClient, createRegistryServer, type Repository } from "../../src/io/registry/index.ts";
import { makeBlob, makeDocument, pushImage } from "../../src/io/registry/testdata/make-image.ts";
import {
  makeEnvelope,
  makeKey,
  makePayload,
  signBytes,
  simpleSigning,
  type KeyPair,
} from "../../src/io/sign/testdata/make-signature.ts";
import type { Digest } from "../../src/lib/index.ts";
import { createSmallFleet, hour, smallPackages } from "../faults/small-fleet.ts";

const predicateType = "https://openvex.dev/ns";

async function attach(place: Repository, digest: Digest, suffix: string, type: string, bytes: Buffer, said: string) {
  const [config, blob] = [makeBlob("{}", mediaTypes.config), makeBlob(bytes, type)];
  const annotations = { "dev.cosignproject.cosign/signature": said, predicateType: said };
  const manifest = makeDocument({ config: config.descriptor, layers: [{ ...blob.descriptor, annotations }] });
  await pushImage(place, { manifest, blobs: [config, blob] }, `${digest.replace(":", "-")}${suffix}`);
}

it("VEX that a base's owner signed is his word in findings, plan and list; another's is none; what expires opens again", async () => {
  const small = await createSmallFleet();
  onTestFinished(() => small.remove());
  const owner = await createRegistryServer({ dir: join(small.folder, "owner") });
  onTestFinished(() => owner.close());
  const { host } = await owner.listen(0);
  const client = createRegistryClient({ retries: 0 });
  onTestFinished(() => client.close());
  const [ours, theirs] = [makeKey("ecdsa"), makeKey("ecdsa")];
  await writeFile(join(small.folder, "theirs.pem"), theirs.pem);
  const feed = join(small.folder, "osv");
  await mkdir(feed);
  const events = [{ introduced: "0" }];
  const record = {
    schema_version: "1.7.0",
    id: "CVE-2099-0001",
    published: "2026-01-01T00:00:00Z",
    modified: "2026-01-01T00:00:00Z",
    affected: [{ package: { ecosystem: "Debian:12", name: "libsmall1" }, ranges: [{ type: "ECOSYSTEM", events }] }],
  };
  await writeFile(join(feed, "CVE-2099-0001.json"), JSON.stringify(record));
  const release = { path: "usr/lib/os-release", content: 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=small\n' };
  const packages = smallPackages().map((one) =>
    one.name === "small-base" ? { ...one, entries: [...(one.entries ?? []), release] } : one,
  );
  const feeds = [{ kind: "osv", from: feed }];
  await small.configure({ feeds });
  await small.publish(packages);
  const first = await small.open();
  expect(await first.run()).toMatchObject({ built: 3 });

  // Their image is what small-root is, in a registry of theirs.
  const place = client.repository(`${host}/third`);
  const ourPlace = first.fleet.ctx.repositoryOf("small-root");
  const digest = (await first.tag("small-root")) as Digest;
  await copyImage(ourPlace, digest, place);
  await place.tag(digest, "1");
  await first.close();
  const payload = makePayload(digest, `${host}/third`);
  await attach(place, digest, ".sig", simpleSigning, payload, signBytes(theirs, payload));

  const say = async (key: KeyPair, expires: number) => {
    const statement = {
      vulnerability: { name: "CVE-2099-0001" },
      products: [{ "@id": "pkg:deb/debian/libsmall1" }],
      status: "not_affected",
      justification: "vulnerable_code_not_in_execute_path",
      tidemill_expires: new Date(expires).toISOString(),
    };
    const predicate = { "@context": "https://openvex.dev/ns/v0.2.0", author: "the owner", statements: [statement] };
    const envelope = Buffer.from(JSON.stringify(makeEnvelope(key, digest, { predicateType, predicate })));
    await attach(place, digest, ".att", "application/vnd.dsse.envelope.v1+json", envelope, predicateType);
  };
  await say(ours, Date.now() + 100 * hour);
  const third = { recipe: "upstream", from: `${host}/third:1`, patch: "none" };
  const bases = {
    [`${host}/third`]: { settle: "0s", coolDown: "0s", signature: { key: "theirs.pem" }, insecure: true },
  };
  await small.configure({ feeds, bases, images: { third } });
  const open = await small.open();
  onTestFinished(() => open.close());
  const of = async (image: string) => (await open.operations.status({ image })).images[0]?.findings;
  expect(await open.run()).toMatchObject({ built: 1, failed: 0 });
  expect(await of("third")).toMatchObject({ open: 1, accepted: 0 });
  const { bases: words } = await open.operations.vexList({});
  expect(words).toMatchObject([
    { base: `${host}/third:1`, digest, statements: 0, problems: [expect.stringContaining("not by a key")] },
  ]);

  await say(theirs, open.clock.now() + 3 * hour);
  open.clock.jump(hour);
  await open.run();
  expect(await of("third")).toMatchObject({ open: 0, accepted: 1 });
  // What is not made of it is none of its owner's business, though it is the same to the byte.
  expect(await of("small-root")).toMatchObject({ open: 1, accepted: 0 });
  const { cures } = await open.operations.plan({});
  const accepted = cures.find(({ image }) => image === "third");
  expect(accepted?.remedy).toMatchObject({
    kind: "accepted",
    by: expect.stringMatching(/^the owner \(signed by ECDSA key/) as string,
  });
  const { findings } = await open.operations.why({ image: "third" });
  expect(findings.map(({ closed }) => closed?.kind)).toEqual(["vex", "vex"]);
  expect((await open.operations.vexList({})).bases).toMatchObject([{ statements: 1, problems: [] }]);

  open.clock.jump(4 * hour);
  await open.run();
  expect(await of("third")).toMatchObject({ open: 1, accepted: 0 });
}, 120_000);
