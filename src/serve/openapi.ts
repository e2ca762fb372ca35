import { cookieNames, csrfHeader } from "./access/index.ts";
import { z } from "zod";
import { access, operationNames, operations, progressEvent } from "../operation/index.ts";
import { readQueries } from "./read-query.ts";

const failure = {
  description: "A failure",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** The caller's failures and the server's. */
const failures = { "4XX": failure, "5XX": failure };

/** The OpenAPI 3.1 document of the API, made of the table of operations. */
export function openApiDocument(version: string): object {
  const paths: Record<string, object> = {
    "/api/v1/events": {
      get: {
        operationId: "events",
        summary: "Progress as server-sent events",
        security: [{ token: [] }, { session: [] }, {}],
        responses: {
          "200": {
            description: "One event a `data:` line",
            content: { "text/event-stream": { schema: schemaOf(progressEvent) } },
          },
          ...failures,
        },
      },
    },
  };
  for (const name of operationNames) {
    const { summary, effect, input, output } = operations[name];
    const responses = {
      "200": { description: "The answer", content: { "application/json": { schema: schemaOf(output) } } },
      ...failures,
    };
    paths[`/api/v1/operations/${name}`] = {
      post: {
        operationId: name,
        summary,
        "x-effect": effect,
        "x-role": access[name].role,
        security: [{ token: [] }, { session: [], ownPage: [] }],
        parameters: effect === "write" ? [{ $ref: "#/components/parameters/IdempotencyKey" }] : [],
        requestBody: { required: true, content: { "application/json": { schema: schemaOf(input, "input") } } },
        responses,
      },
    };
  }
  for (const [name, fields] of Object.entries(readQueries)) {
    const { summary, input, output } = operations[name as keyof typeof readQueries];
    const { properties = {}, required = [] } = schemaOf(input, "input") as {
      properties?: Record<string, object>;
      required?: string[];
    };
    paths[`/api/v1/${name}`] = {
      get: {
        operationId: `${name}Read`,
        summary,
        security: [{ token: [] }, { session: [] }, {}],
        parameters: [
          ...fields.map((name) => ({
            name,
            in: "query",
            required: required.includes(name),
            schema: properties[name] ?? {},
          })),
          { name: "If-None-Match", in: "header", required: false, schema: { type: "string" } },
        ],
        responses: {
          "200": {
            description: "The answer",
            headers: { ETag: { description: "For If-None-Match", schema: { type: "string" } } },
            content: { "application/json": { schema: schemaOf(output) } },
          },
          "304": { description: "It is what If-None-Match names" },
          ...failures,
        },
      },
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Tidemill",
      version,
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      description: "What Tidemill can be asked. `x-role` says who may ask; on loopback looking needs no token.",
    },
    servers: [{ url: "/", description: "The server that this document comes from" }],
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer" },
        session: { type: "apiKey", in: "cookie", name: cookieNames.session },
        ownPage: {
          type: "apiKey",
          in: "header",
          name: csrfHeader,
          description: "The `csrf` of /api/v1/caller, from a page of this server",
        },
      },
      parameters: {
        IdempotencyKey: {
          name: "Idempotency-Key",
          in: "header",
          required: false,
          description: "The same key within a day: the same answer, done once",
          schema: { type: "string", minLength: 1, maxLength: 255, pattern: "^[!-~]+$" },
        },
      },
      schemas: {
        Problem: {
          description: "Problem Details (RFC 9457); `code` is what to test for",
          type: "object",
          required: ["type", "title", "status", "detail", "code", "hint"],
          properties: {
            type: { type: "string", format: "uri" },
            title: { type: "string" },
            status: { type: "integer" },
            detail: { type: "string" },
            code: { type: "string" },
            hint: { type: ["string", "null"] },
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
