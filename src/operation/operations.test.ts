import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createOperations, operationNames, operations, parseInput, type OperationHandlers } from "./index.ts";

describe("the table of operations", () => {
  it.each(operationNames)("%s has input and output that JSON Schema can say", (name) => {
    const { input, output } = operations[name];
    expect(z.toJSONSchema(input, { io: "input" })).toMatchObject({ type: "object", additionalProperties: false });
    expect(Object.keys(z.toJSONSchema(output)).length).toBeGreaterThan(1);
  });
});

describe("parseInput", () => {
  it("fills in what may be left out", () => {
    expect(parseInput("history", { image: "web" })).toEqual({ image: "web", limit: 50 });
  });

  it.each([
    ["why", {}, "image"],
    ["why", { image: "web", digest: "sha256:beef" }, "digest"],
    ["why", { image: "" }, "image"],
    ["history", { limit: 1e9 }, "limit"],
    ["status", { imgae: "web" }, "imgae"],
    ["status", null, "input"],
    ["status", { image: { length: { toString: 1, valueOf: 1 } } }, "input"],
    ["hold", { by: "me", reason: "x".repeat(1001) }, "reason"],
    ["hold", { by: "m\u0000", reason: "x" }, "by: it holds a NUL character"],
    ["verify", { reference: "r", keys: ["a", "\u0000"] }, "keys.1: it holds"],
    ["validate", { name: "t", text: "x".repeat(1_000_001) }, "text"],
  ] as const)("refuses %s %o and names the field", (name, value, field) => {
    expect(() => parseInput(name, value)).toThrow(expect.objectContaining({ code: "BAD_INPUT" }));
    expect(() => parseInput(name, value)).toThrow(field);
  });
});

describe("createOperations", () => {
  it("hands a handler only what its schema allows", async () => {
    const asked: unknown[] = [];
    const handlers = {
      history: (request: unknown) => {
        asked.push(request);
        return Promise.resolve({ events: [], next: null });
      },
    } as unknown as OperationHandlers;
    const bound = createOperations(handlers);
    await expect(bound.history({})).resolves.toEqual({ events: [], next: null });
    await expect(bound.history({ limit: -1 })).rejects.toMatchObject({ code: "BAD_INPUT" });
    expect(asked).toEqual([{ limit: 50 }]);
  });
});
