import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";

/** Whether a document keeps to a schema as its owner publishes it; says where not. */
export function checkAgainst(schema: "sarif-2.1.0" | "spdx-2.3"): (document: unknown) => string[] {
  const text = readFileSync(new URL(`schemas/${schema}.json`, import.meta.url), "utf8");
  // SARIF's is of draft 04, of which it uses nothing that later drafts read otherwise but the name of its id.
  const { id: _id, $schema: _draft, ...rules } = JSON.parse(text) as Record<string, unknown>;
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  const validate = ajv.compile(rules);
  return (document) =>
    validate(document) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath}: ${error.message ?? ""}`);
}
