import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { parseConfig } from "../../src/core/config/index.ts";
import { runInputs } from "../../src/core/external/index.ts";

const text = await readFile(new URL("../../docs/external.md", import.meta.url), "utf8");
const blocks = [...text.matchAll(/```(\w+)\n([\s\S]*?)```/g)].map(([, kind, body = ""]) => ({ kind, body }));
const blockWith = (words: string): string => {
  const found = blocks.find(({ body }) => body.includes(words));
  if (found === undefined) throw new Error(`no example has ${words}`);
  return found.body;
};
const told = Object.keys(
  runInputs({
    rebuild: "1",
    name: "tidemill-1",
    image: "shop",
    repository: "registry.example/shop",
    platforms: ["linux/amd64"],
    reason: "",
    causes: [],
    bases: {},
    source: "",
    noCache: false,
    callback: { url: "https://tidemill.example/pipelines/1", token: "t" },
  }),
);

describe("docs/external.md", () => {
  it("begins with images that a configuration takes", () => {
    const head =
      "version: 1\nupstreams: { debian: { kind: debian, codename: bookworm } }\nenvironments: [{ name: staging }]\n";
    const env = { GITHUB_TOKEN: "a", GITLAB_TOKEN: "b", BUILD_SECRET: "s".repeat(20) };
    const parsed = parseConfig(`${head}${blockWith("recipe: external")}`, env);
    expect(parsed).toMatchObject({ kind: "ok" });
  });

  it("has a workflow that declares all that it is told, and a run that is found by its tag", () => {
    const workflow = parse(blockWith("workflow_dispatch")) as {
      "run-name": string;
      on: { workflow_dispatch: { inputs: Record<string, unknown> } };
    };
    expect(Object.keys(workflow.on.workflow_dispatch.inputs).sort()).toEqual([...told].sort());
    expect(workflow["run-name"]).toContain("inputs.tag");
  });

  it("has a pipeline of GitLab that asks for no variable that it is not told", () => {
    const block = blockWith("workflow: { name");
    const asked = [...block.matchAll(/\$TIDEMILL_([A-Z_]+)/g)].map(([, name = ""]) => name.toLowerCase());
    expect(told).toEqual(expect.arrayContaining(asked));
    expect(asked).toEqual(expect.arrayContaining(["tag", "repository", "no_cache", "callback", "token"]));
    expect(parse(block)).toMatchObject({ workflow: { name: "$TIDEMILL_TAG" } });
  });

  it("names in its table what is told", () => {
    for (const name of told) expect(text).toContain(`\`${name}\``);
  });
});
