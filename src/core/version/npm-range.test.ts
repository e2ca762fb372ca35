import { existsSync, readFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { isInNpmRange, parseNpmRange } from "./npm-range.ts";
import { parseNpm } from "./npm.ts";

const vectors = new URL("../../../../shared/data/versions/npm.node-semver.ranges.tsv", import.meta.url);

describe("a range of npm", () => {
  needs(existsSync(vectors) ? undefined : "the shared version vectors are not beside the project")(
    "has what every row of node-semver's fixtures says",
    () => {
      const rows = readFileSync(vectors, "utf8")
        .split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"));
      expect(rows.length).toBeGreaterThan(200);
      const wrong = rows.filter((row) => {
        const [text = "", version = "", expected, options = ""] = row
          .split("\t")
          .map((field) => field.replaceAll(String.raw`\t`, "\t"));
        const loose = options === "true" || /^\/|loose: (?:true|[1-9])/.test(options);
        const range = parseNpmRange(text, { loose, includePrerelease: options.includes("includePrerelease: true") });
        const parsed = parseNpm(version);
        return String(range !== undefined && parsed !== undefined && isInNpmRange(parsed, range)) !== expected;
      });
      expect(wrong).toEqual([]);
    },
  );
});
