import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DebEntry } from "../fakes/make-deb.ts";
import { smallFleets } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();

/** What a package brings besides its own files; `outside` is a folder of the host. */
const hostile: readonly (readonly [name: string, entries: (outside: string) => readonly DebEntry[]])[] = [
  ["a path that climbs", (outside) => [{ path: `${"../".repeat(20)}${outside.slice(1)}/file`, content: "out" }]],
  [
    "a write through a link that leads out",
    (outside) => [
      { path: "usr/lib/out", kind: "symlink", link: outside },
      { path: "usr/lib/out/file", content: "out" },
    ],
  ],
  [
    "a write through a relative link that leads out",
    (outside) => [
      { path: "usr/lib/out", kind: "symlink", link: `${"../".repeat(20)}${outside.slice(1)}` },
      { path: "usr/lib/out/file", content: "out" },
    ],
  ],
  [
    "links in a circle",
    () => [
      { path: "usr/lib/a", kind: "symlink", link: "b" },
      { path: "usr/lib/b", kind: "symlink", link: "a" },
      { path: "usr/lib/a/file", content: "round" },
    ],
  ],
  [
    "a path of 5,000 bytes",
    () => [{ path: `usr/${"a".repeat(200).concat("/").repeat(24)}${"b".repeat(200)}`, content: "long" }],
  ],
  ["a whiteout", () => [{ path: "usr/lib/.wh..wh..opq", content: "" }]],
  ["a file that runs as root", () => [{ path: "usr/bin/small-root", content: "x", mode: 0o4755 }]],
];

describe("FAULTS 13: a package with something hostile in it", () => {
  it(
    "is built by policy or refused by name; nothing of the host changes, and the other images go on",
    { timeout: 180_000 },
    async () => {
      const started = await fleets.start({ policies: { maxRebuildsPerHour: 10_000 } });
      const { small, run, version, clock } = started;
      const outside = join(small.folder, "outside");
      await mkdir(outside);
      for (const [at, [name, entries]] of hostile.entries()) {
        const next = `1.0-${at + 2}`;
        const packages = smallPackages({ "small-tool": next, "small-gauge": next });
        await small.publish(
          packages.map((one) =>
            one.name === "small-tool" ? { ...one, entries: [...(one.entries ?? []), ...entries(outside)] } : one,
          ),
        );
        clock.jump(24 * 3_600_000);
        const result = await run();
        expect(await version("small-alone", "small-gauge"), name).toBe(next);
        const app = result.rebuilds.findLast(({ image }) => image === "small-app");
        if (app?.state === "failed") {
          expect(app.failure?.code, `${name}: ${app.failure?.message}`).not.toBe("INTERNAL");
          expect(app.failure?.message, name).toMatch(/small-tool|small-app|usr\//);
        } else {
          expect(app?.state, name).toBe("promoted");
        }
        expect(await readdir(outside), name).toEqual([]);
      }
      await expectInvariants(started);
      const mended = `1.0-${hostile.length + 2}`;
      await small.publish(smallPackages({ "small-tool": mended, "small-gauge": mended }));
      clock.jump(24 * 3_600_000);
      expect(await run()).toMatchObject({ failed: 0, alarms: [] });
      expect(await version("small-app", "small-tool")).toBe(mended);
    },
  );
});
