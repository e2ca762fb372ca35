import { expect } from "vitest";
import { z } from "zod";
import { checkAgainst } from "./check-schema.ts";

/** The parts of SARIF 2.1.0 that a scan uses, each with what the specification demands of it; nothing else may be there. OASIS, sections 3.13 to 3.49. */
const message = z.strictObject({ text: z.string().min(1) });
const bag = z.record(z.string(), z.unknown());
const level = z.enum(["none", "note", "warning", "error"]);
const index = z.number().int().min(0);
const line = z.number().int().min(1);
const log = z.strictObject({
  $schema: z.url(),
  version: z.literal("2.1.0"),
  runs: z.tuple([
    z.strictObject({
      tool: z.strictObject({
        driver: z.strictObject({
          name: z.string().min(1),
          version: z.string(),
          semanticVersion: z.string().regex(/^\d+\.\d+\.\d+/),
          rules: z.array(
            z.strictObject({
              id: z.string().min(1),
              shortDescription: message,
              fullDescription: message,
              help: message,
              defaultConfiguration: z.strictObject({ level }),
              properties: z.looseObject({ tags: z.array(z.string()), "security-severity": z.string().optional() }),
            }),
          ),
        }),
      }),
      automationDetails: z.strictObject({ id: z.string() }),
      invocations: z.array(
        z.strictObject({
          executionSuccessful: z.boolean(),
          endTimeUtc: z.iso.datetime(),
          toolExecutionNotifications: z.array(z.strictObject({ level, message })),
        }),
      ),
      columnKind: z.enum(["utf16CodeUnits", "unicodeCodePoints"]),
      results: z.array(
        z.strictObject({
          ruleId: z.string(),
          ruleIndex: index,
          level,
          kind: z.enum(["notApplicable", "pass", "fail", "review", "open", "informational"]),
          message,
          locations: z
            .array(
              z.strictObject({
                physicalLocation: z.strictObject({
                  artifactLocation: z.strictObject({ uri: z.string().regex(/^(?:[A-Za-z0-9._~$&+,;=@:-]|%[0-9A-F]{2}|\/)+$/) }),
                  region: z.strictObject({ startLine: line, startColumn: line, endLine: line, endColumn: line }),
                }),
                logicalLocations: z.array(
                  z.strictObject({ name: z.string(), fullyQualifiedName: z.string(), kind: z.string() }),
                ),
              }),
            )
            .min(1),
          partialFingerprints: z.record(z.string(), z.string()),
          suppressions: z
            .array(z.strictObject({ kind: z.enum(["inSource", "external"]), status: z.enum(["accepted", "underReview", "rejected"]), justification: z.string() }))
            .optional(),
          properties: z.looseObject({ hit: z.boolean() }),
        }),
      ),
      properties: bag,
    }),
  ]),
});

const broken = checkAgainst("sarif-2.1.0");

/** `text` as SARIF, checked: OASIS' own schema, the shape, unique rules, and that each result names its rule. 3.52.3, 3.27.5 and 3.27.9: only a failure may have a level. */
export function checkSarif(text: string): z.output<typeof log> {
  expect(broken(JSON.parse(text))).toEqual([]);
  const parsed = log.parse(JSON.parse(text));
  const [run] = parsed.runs;
  const ids = run.tool.driver.rules.map(({ id }) => id);
  for (const result of run.results) {
    expect(ids[result.ruleIndex]).toBe(result.ruleId);
    if (result.kind !== "fail") expect(result.level).toBe("none");
  }
  return parsed;
}
