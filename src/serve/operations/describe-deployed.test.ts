import { expect, it } from "vitest";
import { joinExposures } from "./describe-deployed.ts";

const unknown = { state: "unknown", advisories: [], since: null } as const;
const none = { ...unknown, state: "none" } as const;
const open = (advisories: string[], since: string | null) => ({ state: "open", advisories, since }) as const;

it.each([
  ["is open in what ran before", [none, open(["CVE-1"], "2026-01-02")], open(["CVE-1"], "2026-01-02")],
  [
    "is open in both",
    [open(["CVE-2"], null), open(["CVE-1", "CVE-2"], "2026-01-02")],
    open(["CVE-2", "CVE-1"], "2026-01-02"),
  ],
  ["is open nowhere", [none, none], unknown],
  ["is not known", [unknown], unknown],
])("of what may run, what %s is told so; nothing is vouched for", (_, all, joined) => {
  expect(joinExposures(all.map((one) => ({ ...one, advisories: [...one.advisories] })))).toEqual(joined);
});
