import { describe, expect, it } from "vitest";
import { z } from "zod";
import { tryShape } from "./index.ts";

const shape = z.object({ name: z.string().min(1).max(10), tags: z.array(z.string().max(5)).max(2) });
const hostile: unknown = JSON.parse('{"length":{"toString":1,"valueOf":1}}');

describe("tryShape", () => {
  it("gives what the value is, or where it breaks the schema", () => {
    expect(tryShape(shape, { name: "web", tags: [], more: 1 })).toEqual({
      success: true,
      data: { name: "web", tags: [] },
    });
    expect(tryShape(shape, { name: "web", tags: [1] })).toMatchObject({
      success: false,
      issues: [{ path: ["tags", 0] }],
    });
  });

  it.each([hostile, { name: hostile, tags: [] }, { name: "web", tags: hostile }, { name: "web", tags: [hostile] }])(
    "refuses %j, on which the library throws or not",
    (value) => expect(tryShape(shape, value).success).toBe(false),
  );

  it("leaves mistakes of our own alone", () => {
    const broken = z.string().transform(() => {
      throw new RangeError("ours");
    });
    expect(() => tryShape(broken, "x")).toThrow(RangeError);
  });
});
