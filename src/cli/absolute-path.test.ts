import { describe, expect, it } from "vitest";
import { absolutePlace } from "./absolute-path.ts";

describe("absolutePlace", () => {
  it.each(["registry.example/team/web:1", "web", "web:staging", "web@sha256:00"])("leaves %s", (place) => {
    expect(absolutePlace(place)).toBe(place);
  });
  it.each(["web.tar", "./layout", "../layout", "layout/", "."])("takes %s from where the user stands", (place) => {
    expect(absolutePlace(place)).toMatch(/^\//);
  });
});
