import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import type { ImageConfig } from "../image/index.ts";
import { addMergeLayer, endsWithMerge, findBaseEnd, newest, readBaseHint, rebaseConfig } from "./index.ts";
import { configOf } from "./testdata/made-rebase.ts";

const [b1, b2, c1, app] = [sha256("b1"), sha256("b2"), sha256("c1"), sha256("app")];
type Run = ImageConfig["config"];

/** What a container runs after a rebase. */
function run(image: Run, old: Run, base: Run): Run {
  const sides = [configOf(image, [b1, app]), configOf(old, [b1]), configOf(base, [c1])] as const;
  return rebaseConfig(...sides, { from: 1, leaveLast: false }).config;
}

describe("what a container runs", () => {
  it.each<[string, Run, Run, Run, Run]>([
    [
      "inherited values follow the base",
      { Cmd: ["sh"], User: "a" },
      { Cmd: ["sh"], User: "a" },
      { Cmd: ["bash"], User: "b" },
      { Cmd: ["bash"], User: "b" },
    ],
    ["own values stay", { Cmd: ["app"] }, { Cmd: ["sh"] }, { Cmd: ["bash"] }, { Cmd: ["app"] }],
    [
      "a command that an entrypoint reset stays reset",
      { Entrypoint: ["app"] },
      { Cmd: ["sh"] },
      { Cmd: ["bash"] },
      { Entrypoint: ["app"] },
    ],
    ["null and absent are the same", { WorkingDir: "" }, {}, { WorkingDir: "/srv" }, { WorkingDir: "/srv" }],
    [
      "variables are each somebody's",
      { Env: ["PATH=/app:/bin", "A=1", "V=1"] },
      { Env: ["PATH=/bin", "V=1"] },
      { Env: ["PATH=/usr/bin", "V=2", "NEW=1"] },
      { Env: ["PATH=/app:/bin", "V=2", "NEW=1", "A=1"] },
    ],
    [
      "labels, ports and volumes are each somebody's",
      { Labels: { a: "1", v: "1" }, ExposedPorts: { "80/tcp": {} }, Volumes: { "/x": {} } },
      { Labels: { v: "1" }, Volumes: { "/x": {} } },
      { Labels: { v: "2" }, Volumes: {} },
      { Labels: { a: "1", v: "2" }, ExposedPorts: { "80/tcp": {} } },
    ],
    [
      "what we do not know is merged as a whole",
      { Healthcheck: { Test: ["CMD", "x"] }, Shell: ["sh"] } as Run,
      { Healthcheck: { Test: ["CMD", "x"] } } as Run,
      { Healthcheck: { Test: ["CMD", "y"] } } as Run,
      { Healthcheck: { Test: ["CMD", "y"] }, Shell: ["sh"] } as Run,
    ],
  ])("%s", (_, image, old, base, merged) => expect(run(image, old, base)).toEqual(merged));
});

describe("layers, history and time", () => {
  const old = configOf({}, [b1, b2], {
    created: "2026-01-02T00:00:00Z",
    history: [{ created_by: "b1" }, { created_by: "b2" }, { created_by: "CMD", empty_layer: true }],
  });
  const base = configOf({}, [c1], { created: "2026-03-01T00:00:00Z", history: [{ created_by: "c1" }] });
  const image = configOf({}, [b1, b2, app], {
    created: "2026-02-01T00:00:00Z",
    history: [...(old.history ?? []), { created_by: "ENV", empty_layer: true }, { created_by: "app" }],
  });
  const rebased = rebaseConfig(image, old, base, { from: 2, leaveLast: false });

  it("are the base's, then the application's; the newer time counts", () => {
    expect(rebased.rootfs.diff_ids).toEqual([c1, app]);
    expect(rebased.history?.map((entry) => entry.created_by)).toEqual(["c1", "ENV", "app"]);
    expect(rebased.created).toBe("2026-03-01T00:00:00Z");
  });

  it("end with a layer of ours, which the next rebase knows and leaves out", () => {
    const ours = addMergeLayer(rebased, sha256("merge"));
    expect(endsWithMerge(ours, 1)).toBe(true);
    expect(endsWithMerge(rebased, 1)).toBe(false);
    const back = rebaseConfig(ours, base, old, { from: 1, leaveLast: true });
    expect(back.rootfs.diff_ids).toEqual([b1, b2, app]);
    expect(back.history?.map((entry) => entry.created_by)).toEqual(["b1", "b2", "CMD", "ENV", "app"]);
  });

  it("have no history where that of one side does not speak of every layer", () => {
    const { history: _, ...silent } = image;
    expect(rebaseConfig(silent, old, base, { from: 2, leaveLast: false })).not.toHaveProperty("history");
  });

  it.each([
    ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+02:00", "2026-01-01T00:00:00Z"],
    ["2026-01-01T00:00:00Z", undefined, "2026-01-01T00:00:00Z"],
    [undefined, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"],
    ["nonsense", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"],
  ])("of %s and %s the newest is %s", (a, b, later) => expect(newest(a, b)).toBe(later));
});

describe("where the base ends", () => {
  it.each([
    [[b1, b2, app], [b1, b2], 2],
    [[b1, b2], [b1, b2], 2],
    [[b1], [b1, b2], undefined],
    [[b2, b1], [b1], undefined],
    [[b1], [], undefined],
  ])("case %#", (image, layers, end) => expect(findBaseEnd(image, layers)).toBe(end));

  it("is said by the manifest before the index", () => {
    const digest = "org.opencontainers.image.base.digest";
    const name = "org.opencontainers.image.base.name";
    expect(readBaseHint({ [digest]: "a" }, { [digest]: "b", [name]: "n" })).toEqual({ digest: "a", name: "n" });
    expect(readBaseHint(undefined, undefined)).toEqual({ digest: undefined, name: undefined });
  });
});
