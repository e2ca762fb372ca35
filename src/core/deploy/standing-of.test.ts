import { expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { standingOf } from "./standing-of.ts";

const digest = sha256("a");
const place = { name: "shop", image: "web", digest, since: 5, waiting: null };

it.each([
  ["is deployed nowhere", [], [], undefined],
  ["runs where it is deployed", ["shop"], [place], { kind: "runs", since: 5 }],
  [
    "runs everywhere since the last came",
    ["shop", "mall"],
    [place, { ...place, name: "mall", since: 9 }],
    { kind: "runs", since: 9 },
  ],
  ["runs in one place of two", ["shop", "mall"], [place], { kind: "waits", reason: "mall: it is not deployed yet" }],
  [
    "runs as another digest",
    ["shop"],
    [{ ...place, digest: sha256("b") }],
    { kind: "waits", reason: "shop: it is not deployed yet" },
  ],
  [
    "is not known to run",
    ["shop"],
    [{ ...place, since: null, waiting: "it is away" }],
    { kind: "waits", reason: "shop: it is away" },
  ],
  [
    "runs as another image",
    ["shop"],
    [{ ...place, image: "api" }],
    { kind: "waits", reason: "shop: it is not deployed yet" },
  ],
] as const)("what %s", (_, names, places, standing) => {
  expect(standingOf(names, "web", digest, places)).toEqual(standing);
});
