import { describe, expect, it } from "vitest";
import { buildStringTable } from "./string-table.ts";

describe("buildStringTable", () => {
  it("holds every text once, the ends of others within them", () => {
    const texts = ["b.so", "/lib/libb.so", "libb.so", "libb.so", "é", "aé", ""];
    const table = buildStringTable(texts);
    const end = (at: number): number => table.bytes.indexOf(0, at);
    for (const text of texts) {
      const at = table.offset(text);
      expect(table.bytes.toString("utf8", at, end(at))).toBe(text);
    }
    expect(table.bytes).toHaveLength("/lib/libb.so\0".length + Buffer.byteLength("aé\0"));
  });

  it("refuses a text that it does not hold", () => {
    expect(() => buildStringTable(["a"]).offset("b")).toThrow('"b" is not in the table');
  });
});
