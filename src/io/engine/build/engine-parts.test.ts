import { describe, expect, it } from "vitest";
import { engineEnvironment } from "./engine-environment.ts";
import { explainFailure } from "./explain-failure.ts";
import { registriesConfig } from "./registries-config.ts";
import { defaultBuildLimits } from "./types.ts";

describe("the environment of an engine's program", () => {
  it("is a closed list", () => {
    const env = {
      PATH: "/bin",
      HOME: "/root",
      DATABASE_URL: "x",
      GITHUB_TOKEN: "x",
      SSH_AUTH_SOCK: "x",
      BUILDAH_ISOLATION: "x",
      LD_PRELOAD: "x",
      DOCKER_HOST: "unix:///x",
      HELPER: "h",
    };
    expect(engineEnvironment(env, ["HELPER"], { A: "b" })).toEqual({
      PATH: "/bin",
      HOME: "/root",
      DOCKER_HOST: "unix:///x",
      HELPER: "h",
      LC_ALL: "C.UTF-8",
      A: "b",
    });
    expect(engineEnvironment({ ...env, DOCKER_HOST: "ssh://me@host" }, [], {})["SSH_AUTH_SOCK"]).toBe("x");
  });
});

describe("the registries that Buildah may ask over plain HTTP", () => {
  it("are those on loopback, and no others", () => {
    const text = registriesConfig("", [
      "127.0.0.1:5000",
      "127.0.0.1:5000",
      "localhost",
      "[::1]:80",
      "docker.io",
      "10.0.0.1:5000",
      "127.0.0.1.example",
    ]);
    expect(text.match(/location = "[^"]*"\ninsecure = true/g)).toEqual(
      ["127.0.0.1:5000", "localhost", "[::1]:80"].map((each) => `location = "${each}"\ninsecure = true`),
    );
  });

  it("stand behind what the user's own file says, which is kept", () => {
    const own =
      'unqualified-search-registries = ["mine.example"]\nshort-name-mode = "enforcing"\n[[registry]]\nlocation = "127.0.0.1:5000"\ninsecure = false\n';
    expect(registriesConfig(own, ["127.0.0.1:5000"]).trim()).toBe(own.trim());
  });
});

describe("what an engine says", () => {
  const explain = (said: string, change: object = {}) =>
    explainFailure({
      name: "web",
      engine: "docker",
      dockerfile: "FROM a\nRUN x\nADD https://a.example/b /c\n",
      limits: defaultBuildLimits,
      said,
      step: undefined,
      tail: [],
      ...change,
    });

  it.each<[string, string, boolean, object?]>([
    [
      "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
      "ENGINE_UNAVAILABLE",
      true,
    ],
    ["error during connect: Post http://x: EOF", "ENGINE_UNAVAILABLE", true],
    [
      'error: failed to solve: Unavailable: connection error: desc = "transport: error while dialing: dial unix /x.sock"',
      "ENGINE_UNAVAILABLE",
      true,
    ],
    ["error: listing workers for Build: failed to list workers: Unavailable", "ENGINE_UNAVAILABLE", true],
    ["write /x: no space left on device", "DISK_FULL", true],
    ["The command '/bin/sh -c x' returned a non-zero code: 137", "OUT_OF_MEMORY", false],
    [
      'error: failed to solve: process "/bin/sh -c x" did not complete successfully: exit code: 137',
      "OUT_OF_MEMORY",
      false,
    ],
    [
      "The command '/bin/sh -c x' returned a non-zero code: 1",
      "DISK_FULL",
      true,
      { tail: ["dd: No space left on device"] },
    ],
    [
      "The command '/bin/sh -c x' returned a non-zero code: 1",
      "BUILD_FAILED",
      false,
      { tail: ["manifest unknown", "Cannot connect to the Docker daemon"] },
    ],
    ["pull access denied for a, repository does not exist or may require 'docker login'", "BASE_NOT_FOUND", false],
    ["toomanyrequests: You have reached your pull rate limit", "BASE_UNAVAILABLE", true],
    ['Get "https://a.example/v2/": x509: certificate signed by unknown authority', "BASE_UNAVAILABLE", true],
    [
      'failed to do request: Head "https://a.example/v2/": dial tcp: lookup a.example: no such host',
      "BASE_UNAVAILABLE",
      true,
    ],
    [
      'failed to do request: Get "https://a.example/b": dial tcp: no such host',
      "BUILD_FAILED",
      false,
      { step: { words: "ADD https://a.example/b /c" } },
    ],
    ["the --mount option requires BuildKit", "BAD_DOCKERFILE", false],
    ["dockerfile parse error line 3: unknown instruction: FORM", "BAD_DOCKERFILE", false],
    ["", "BUILD_FAILED", false],
    ["\u001b[31msomething new", "BUILD_FAILED", false],
  ])("%j is %s", (said, code, retry, change) => {
    const error = explain(said, change);
    expect(error).toMatchObject({ code, retry });
    expect(error.message).not.toContain("\u001b");
  });

  it("is joined with the step, its line, and what the step said last", () => {
    const error = explain("The command '/bin/sh -c x' returned a non-zero code: 5", {
      step: { number: 2 },
      tail: ["Step 2/2 : RUN x", "oh", "no", "Removing intermediate container 0123"],
    });
    expect(error.step).toEqual({ line: 2, words: "RUN x" });
    expect(error.message).toBe(
      "web: the build failed at RUN x (line 2 of the Dockerfile) with status 5; it said last: Step 2/2 : RUN x | oh | no",
    );
  });
});
