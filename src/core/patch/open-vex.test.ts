import { describe, expect, it } from "vitest";
import { z } from "zod";
import { sha256 } from "../../lib/index.ts";
import { openVex, type OpenVexInput } from "./open-vex.ts";

/** The published schema of version 0.2.0, as far as it says what must be there and of which kind. */
const iri = z.string().regex(/^[a-z][a-z0-9+.-]*:\S+$/);
const component = z.object({ "@id": iri, hashes: z.record(z.string(), z.string().regex(/^[0-9a-f]+$/)).optional() });
const schema = z.strictObject({
  "@context": z.literal("https://openvex.dev/ns/v0.2.0"),
  "@id": iri,
  author: z.string().min(1),
  timestamp: z.iso.datetime({ offset: true }),
  version: z.number().int().min(1),
  tooling: z.string().optional(),
  statements: z
    .array(
      z.strictObject({
        vulnerability: z.strictObject({ name: z.string().min(1), aliases: z.array(z.string()).optional() }),
        products: z.array(component.extend({ subcomponents: z.array(component).optional() })).min(1),
        status: z.enum(["not_affected", "affected", "fixed", "under_investigation"]),
      }),
    )
    .min(1),
});

const input: OpenVexInput = {
  repository: "Registry.example/owner/app",
  digest: sha256("patched"),
  distribution: "debian",
  packages: [
    {
      name: "openssl",
      version: "3.0.22-1~deb12u2",
      architecture: "amd64",
      vulnerabilities: [{ id: "CVE-2026-2" }, { id: "CVE-2026-1", aliases: ["DSA-1-1"] }],
    },
    { name: "libssl3", version: "1:3.0.22+x", architecture: "amd64", vulnerabilities: [{ id: "CVE-2026-1" }] },
  ],
  author: "somebody",
  timestamp: "2026-11-25T00:00:00Z",
};

describe("openVex", () => {
  it("is a document of the published schema", () => {
    const document = schema.parse(JSON.parse(JSON.stringify(openVex(input))));
    expect(document.statements).toHaveLength(2);
    expect(document.statements[0]).toMatchObject({
      vulnerability: { name: "CVE-2026-1", aliases: ["DSA-1-1"] },
      status: "fixed",
      products: [
        {
          "@id": `pkg:oci/app@sha256%3A${input.digest.slice(7)}?repository_url=registry.example%2Fowner%2Fapp`,
          hashes: { "sha-256": input.digest.slice(7) },
          subcomponents: [
            { "@id": "pkg:deb/debian/libssl3@1:3.0.22%2Bx?arch=amd64" },
            { "@id": "pkg:deb/debian/openssl@3.0.22-1~deb12u2?arch=amd64" },
          ],
        },
      ],
    });
  });

  it("has the same name for the same facts, and another for others", () => {
    expect(openVex({ ...input, packages: input.packages.toReversed() })["@id"]).toBe(openVex(input)["@id"]);
    expect(openVex({ ...input, author: "other" })["@id"]).not.toBe(openVex(input)["@id"]);
  });

  it("states nothing where there is nothing to state", () => {
    expect(() => openVex({ ...input, packages: [] })).toThrow(RangeError);
  });
});
