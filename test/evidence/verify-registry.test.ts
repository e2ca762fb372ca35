import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import type { Repository } from "../../src/io/registry/index.ts";
import { openSigner, signStatement } from "../../src/io/sign/index.ts";
import { sha256, type Digest } from "../../src/lib/index.ts";
import { needs } from "../needs.ts";
import { passphrase } from "./signed-fleet.ts";
import { createSignedQuickstart, missing, otherLetter, type SignedQuickstart } from "./signed-quickstart.ts";
import { createRegistryTampering, tagOf, type Place, type RegistryTampering } from "./tamper-registry.ts";

const it = needs(missing);
let quick: SignedQuickstart;
let tamper: RegistryTampering;
beforeAll(async () => {
  if (missing !== undefined) return;
  quick = await createSignedQuickstart();
  tamper = createRegistryTampering(quick);
}, 300_000);
afterAll(() => (missing === undefined ? quick.close() : undefined));

const referenceOf = (name: string, of: Digest): string => `${quick.docker.host}/${name}@${of}`;

describe("evidence of an image of the quickstart, in a registry without a referrers API", () => {
  it("is verified whole, by openssl and by cosign, without Tidemill", async () => {
    const said = await quick.verify(
      "registry",
      quick.key,
      referenceOf("tide-app", quick.digest),
      "staging",
      "production",
    );
    // Signature, two bills, provenance; and of each of two environments its checks, its summary and its scan.
    expect(said).toMatch(/^VERIFIED 7 kinds of statements, 10 in all/);
  }, 180_000);

  it("is refused by another key, for an environment it has not passed, and where nothing is", async () => {
    const reference = referenceOf("tide-app", quick.digest);
    await expect(quick.verify("registry", join(quick.folder, "eve.pub"), reference)).rejects.toThrow(/is by the key/);
    await expect(quick.verify("registry", quick.key, reference, "moon")).rejects.toThrow(
      /no verification passed for moon/,
    );
    await expect(quick.verify("registry", quick.key, referenceOf("tide-app", sha256("nothing")))).rejects.toThrow(
      /cannot be had/,
    );
  });

  it("is verified as well where it was copied with its image", async () => {
    await tamper.copyImage(quick.client.repository(`${quick.docker.host}/copied`));
    await expect(quick.verify("registry", quick.key, referenceOf("copied", quick.digest))).resolves.toMatch(
      /^VERIFIED/,
    );
  });

  const baseRepository = (): Repository => quick.client.repository(`${quick.docker.host}/tide-base`);
  const tampering: Readonly<Record<string, { readonly does: (place: Place) => Promise<void>; readonly says: RegExp }>> =
    {
      "a byte of a payload": {
        does: (place) => tamper.resign(place, "provenance", (text) => otherLetter(text, "payload")),
        says: /is not signed by the key/,
      },
      "a byte of a signature": {
        does: (place) => tamper.resign(place, "bom", (text) => otherLetter(text, "sig")),
        says: /is not signed by the key/,
      },
      "the key that signed, of one statement": {
        does: async (place) => {
          const eve = await openSigner(join(quick.folder, "eve.key"), passphrase);
          await tamper.resign(place, "spdx", async (text) => {
            const { dsseEnvelope } = JSON.parse(text) as { dsseEnvelope: { payload: string } };
            return signStatement(eve, Buffer.from(dsseEnvelope.payload, "base64"));
          });
        },
        says: /is not signed by the key/,
      },
      "its SBOM for that of another digest": {
        does: (place) => tamper.replaceByOther(place, "bom"),
        says: /is about something else/,
      },
      "its provenance for that of another digest": {
        does: (place) => tamper.replaceByOther(place, "provenance"),
        says: /is about something else/,
      },
      "an attestation that is missing": {
        does: async ({ repository, list }) =>
          tamper.writeList(
            repository,
            list.filter(({ type }) => !type.includes("provenance")),
          ),
        says: /nothing of the type \S*provenance/,
      },
      "an artifact about something else, listed beside it": {
        does: async ({ repository, list }) => {
          const theirs = await tamper.listBeside(baseRepository(), quick.other);
          for (const one of theirs) await tamper.copyArtifact("tide-base", repository, one.digest);
          await tamper.writeList(repository, [...list, ...theirs.slice(0, 1)]);
        },
        says: /is listed beside .* but is about something else/,
      },
      "the signature under cosign's tag for that of another digest": {
        does: ({ repository }) =>
          tamper.copyArtifact("tide-base", repository, tagOf(quick.other, ".sig"), tagOf(quick.digest, ".sig")),
        says: /under cosign's tag is of another digest/,
      },
      "the manifest, in the registry's own files": {
        does: () => tamper.overwrite(quick.digest, (bytes) => Buffer.concat([bytes, Buffer.from("\n")])),
        says: /is not what its hash says/,
      },
      "the manifest for another, in the registry's own files": {
        does: async () => {
          const theirs = await baseRepository().manifest(quick.other);
          await tamper.overwrite(quick.digest, () => Buffer.from(theirs?.bytes ?? []));
        },
        says: /is not what its hash says/,
      },
      "a bundle, in the registry's own files": {
        does: async ({ repository, list }) => {
          const { digest } = await tamper.layerOf(repository, list[0]?.digest ?? "none");
          await tamper.overwrite(digest, (bytes) =>
            Buffer.from(bytes.toString().replace('"payload":"e', '"payload":"f')),
          );
        },
        says: /is not what its hash says/,
      },
      "the list of all that lies beside it": {
        does: ({ repository }) => tamper.writeList(repository, []),
        says: /nothing of the type/,
      },
    };
  for (const [what, { does, says }] of Object.entries(tampering))
    it(`is refused with ${what} changed`, async () => {
      // Each in a registry's repository of its own, as it was.
      const name = `tampered-${sha256(what).slice(7, 19)}`;
      const repository = quick.client.repository(`${quick.docker.host}/${name}`);
      await does(await tamper.copyImage(repository));
      try {
        await expect(quick.verify("registry", quick.key, referenceOf(name, quick.digest))).rejects.toThrow(says);
      } finally {
        await tamper.restoreFiles();
      }
    }, 180_000);
});
