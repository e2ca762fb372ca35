import { z } from "zod";
import { operationNames, operations, progressEvent } from "../operation/index.ts";
import { readQueries } from "./read-query.ts";

/** The OpenAPI 3.1 document of the API, made of the table of operations. */
export function openApiDocument(version: string): object {
  const paths: Record<string, object> = {
    "/api/v1/events": {
      get: {
        operationId: "events",
        summary: "Progress as server-sent events",
        responses: {
          "200": {
            description: "One event a `data:` line",
            content: { "text/event-stream": { schema: schemaOf(progressEvent) } },
          },
        },
      },
    },
  };
  for (const name of operationNames) {
    const { summary, effect, input, output } = operations[name];
    const responses = {
      "200": { description: "The answer", content: { "application/json": { schema: schemaOf(output) } } },
      default: {
        description: "A failure",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    };
    paths[`/api/v1/operations/${name}`] = {
      post: {
        operationId: name,
        summary,
        "x-effect": effect,
        security: [{ token: [] }],
        requestBody: { required: true, content: { "application/json": { schema: schemaOf(input, "input") } } },
        responses,
      },
    };
  }
  for (const [name, fields] of Object.entries(readQueries)) {
    const { summary, input, output } = operations[name as keyof typeof readQueries];
    const properties = (schemaOf(input, "input") as { properties?: Record<string, object> }).properties ?? {};
    paths[`/api/v1/${name}`] = {
      get: {
        operationId: `${name}Read`,
        summary,
        parameters: fields.map((field) => ({ name: field, in: "query", schema: properties[field] ?? {} })),
        responses: {
          "200": { description: "The answer", content: { "application/json": { schema: schemaOf(output) } } },
        },
      },
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Tidemill",
      version,
      description: "The local API. Reads need a loopback address, everything else the token of the lock file.",
    },
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: {
        Error: {
          type: "object",
          required: ["error"],
          properties: {
            error: {
              type: "object",
              required: ["code", "message", "hint"],
              properties: { code: { type: "string" }, message: { type: "string" }, hint: { type: ["string", "null"] } },
            },
          },
        },
      },
    },
  };
}

function schemaOf(schema: z.ZodType, io: "input" | "output" = "output"): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}
