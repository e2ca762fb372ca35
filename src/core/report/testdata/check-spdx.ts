import { expect } from "vitest";
import { z } from "zod";
import { checkAgainst } from "./check-schema.ts";

const id = z.string().regex(/^SPDXRef-[A-Za-z0-9.-]+$/);
const document = z.strictObject({
  spdxVersion: z.literal("SPDX-2.3"),
  dataLicense: z.literal("CC0-1.0"),
  SPDXID: z.literal("SPDXRef-DOCUMENT"),
  name: z.string(),
  documentNamespace: z.string().regex(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
  creationInfo: z.strictObject({
    created: z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/),
    creators: z.array(z.string().regex(/^(?:Tool|Person|Organization): /)).min(1),
  }),
  packages: z.array(
    z.strictObject({
      SPDXID: id,
      name: z.string(),
      versionInfo: z.string().optional(),
      downloadLocation: z.literal("NOASSERTION"),
      filesAnalyzed: z.literal(false),
      primaryPackagePurpose: z.enum(["CONTAINER", "APPLICATION", "OPERATING_SYSTEM"]).optional(),
      sourceInfo: z.string().optional(),
      comment: z.string().optional(),
      externalRefs: z
        .array(z.strictObject({ referenceCategory: z.literal("PACKAGE-MANAGER"), referenceType: z.literal("purl"), referenceLocator: z.string() }))
        .optional(),
    }),
  ),
  relationships: z.array(
    z.strictObject({ spdxElementId: id, relationshipType: z.enum(["DESCRIBES", "CONTAINS"]), relatedSpdxElement: id }),
  ),
});

const broken = checkAgainst("spdx-2.3");

/** `text` as SPDX 2.3, checked: SPDX's own schema, the shape, unique ids, and relationships between what is there. SPDX 2.3, 6, 7 and 11. */
export function checkSpdx(text: string): z.output<typeof document> {
  expect(broken(JSON.parse(text))).toEqual([]);
  const parsed = document.parse(JSON.parse(text));
  const ids = [parsed.SPDXID, ...parsed.packages.map(({ SPDXID }) => SPDXID)];
  expect(new Set(ids).size).toBe(ids.length);
  for (const { spdxElementId, relatedSpdxElement } of parsed.relationships) {
    expect(ids).toContain(spdxElementId);
    expect(ids).toContain(relatedSpdxElement);
  }
  return parsed;
}
