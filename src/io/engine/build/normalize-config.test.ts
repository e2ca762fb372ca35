import { describe, expect, it } from "vitest";
import { normalizeConfig } from "./normalize-config.ts";

const platform = { os: "linux", architecture: "amd64" };
const rootfs = { type: "layers", diff_ids: [] };
const historyOf = (...by: string[]): unknown =>
  normalizeConfig({ rootfs, history: by.map((created_by) => ({ created_by })) }, platform, undefined)["history"];

describe("the config of a built image", () => {
  it("says how to run it, and nothing of how it was made", () => {
    const config = {
      container: "0123",
      container_config: { Hostname: "0123", Cmd: ["x"] },
      docker_version: "20.10",
      config: {
        Hostname: "",
        AttachStdin: false,
        Image: "sha256:0123",
        Env: ["A=b"],
        Cmd: ["sh"],
        OnBuild: null,
        Labels: {},
        Volumes: null,
        User: "",
        ArgsEscaped: true,
        Healthcheck: { Test: ["NONE"] },
      },
      created: "2026-01-02T03:04:05.678Z",
      architecture: "amd64",
      os: "linux",
      rootfs,
      history: [],
    };
    expect(JSON.parse(JSON.stringify(normalizeConfig(config, platform, undefined)))).toEqual({
      created: "2026-01-02T03:04:05.678Z",
      architecture: "amd64",
      os: "linux",
      config: { Env: ["A=b"], Cmd: ["sh"], Healthcheck: { Test: ["NONE"] } },
      rootfs,
      history: [],
    });
  });

  it("has no time after the one that is set, and earlier ones as they are", () => {
    const history = [
      { created: "2000-01-01T00:00:00Z" },
      { created: "2030-01-01T00:00:00Z" },
      { created: "nonsense" },
      {},
    ];
    const found = normalizeConfig({ created: "2030-01-01T00:00:00Z", rootfs, history }, platform, 1_000_000_000);
    expect(JSON.parse(JSON.stringify([found["created"], found["history"]]))).toEqual([
      "2001-09-09T01:46:40Z",
      [{ created: "2000-01-01T00:00:00Z" }, { created: "2001-09-09T01:46:40Z" }, {}, {}],
    ]);
  });

  it.each([
    ["|1 TIDEMILL_PACKAGES=k1 /bin/sh -c apt-get update", "/bin/sh -c apt-get update"],
    ["RUN |1 TIDEMILL_PACKAGES=k1 /bin/sh -c apt-get update # buildkit", "RUN /bin/sh -c apt-get update # buildkit"],
    ["|2 A=b c TIDEMILL_PACKAGES=k1 /bin/sh -c x", "|1 A=b c /bin/sh -c x"],
    ["RUN |3 A=b TIDEMILL_PACKAGES=k1 Z=y /bin/sh -c x # buildkit", "RUN |2 A=b Z=y /bin/sh -c x # buildkit"],
    ["|1 A=b /bin/sh -c echo TIDEMILL_PACKAGES", "|1 A=b /bin/sh -c echo TIDEMILL_PACKAGES"],
    ["/bin/sh -c echo |1 TIDEMILL_PACKAGES=x y", "/bin/sh -c echo |1 TIDEMILL_PACKAGES=x y"],
  ])("%s reads %s", (by, expected) =>
    expect(JSON.parse(JSON.stringify(historyOf(by)))).toEqual([{ created_by: expected }]),
  );

  it("leaves out the argument of packages, and what Buildah notes of the image before each step", () => {
    const history = [
      "ARG TIDEMILL_PACKAGES=k",
      "/bin/sh -c #(nop)  ARG TIDEMILL_PACKAGES=k",
      "/bin/sh -c #(nop) ARG TIDEMILL_PACKAGES",
    ].map((created_by) => ({ created_by, empty_layer: true }));
    const comments = [
      { comment: "FROM 0123456789ab" },
      { comment: "FROM host/base@sha256:0" },
      { comment: "buildkit.dockerfile.v0" },
    ];
    expect(
      JSON.parse(
        JSON.stringify(normalizeConfig({ rootfs, history: [...history, ...comments] }, platform, undefined)["history"]),
      ),
    ).toEqual([{}, {}, { comment: "buildkit.dockerfile.v0" }]);
  });
});
