import { createConfig, lintFromString } from "@redocly/openapi-core";
import { expect, it } from "vitest";
import { openApiDocument } from "./openapi.ts";

it("the document of the API has nothing that Redocly's recommended rules complain of", async () => {
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source: JSON.stringify(openApiDocument("1.0.0")), config });
  expect(
    problems.map(
      ({ ruleId, severity, message, location }) => `${severity} ${ruleId} ${location[0]?.pointer}: ${message}`,
    ),
  ).toEqual([]);
});
