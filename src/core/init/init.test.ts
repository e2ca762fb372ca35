import { describe, expect, it } from "vitest";
import { parseConfig } from "../config/index.ts";
import { draftConfig, readProject, type Project } from "./index.ts";

/** A project of these files. */
function projectOf(files: Readonly<Record<string, string>>, more: Partial<Project> = {}): Project {
  const all = Object.entries(files).map(([path, text]) => ({ path, text }));
  return {
    name: "shop",
    dockerfiles: all.filter(({ path }) => /Dockerfile/.test(path)),
    yaml: all.filter(({ path }) => /\.ya?ml$/.test(path)),
    paths: new Set(Object.keys(files)),
    remote: undefined,
    branch: undefined,
    problems: [],
    ...more,
  };
}

const shop = {
  "web/Dockerfile":
    "ARG NODE=22\nFROM node:${NODE}-bookworm-slim AS build\nCOPY a ./\nFROM gcr.io/distroless/nodejs22\nCOPY --from=build /a /a\n",
  "web/a": "",
  "worker/Dockerfile": "FROM python:3.12-slim\nCOPY worker/main.py /\n",
  "worker/main.py": "",
  "Dockerfile.tools": "FROM debian:trixie\n",
  "compose.yml": `services:
  frontend:
    build: { context: ./web, args: { NODE: "22.1", FROM_HOST: "\${HOME}" } }
    image: registry.example/team/frontend:1
  cache: { image: "redis:7-bookworm" }
  db: { image: "postgres:16@sha256:${"0".repeat(64)}" }
`,
  "deploy/web.yaml": `kind: Service
---
kind: Deployment
spec: { template: { spec: { initContainers: [{ image: "busybox:1" }], containers: [{ image: "registry.example/team/frontend:2" }] } } }
`,
  ".github/workflows/build.yml": "jobs: { a: { steps: [{ uses: docker/build-push-action@v6 }] } }\n",
  ".github/workflows/lint.yml": "jobs: {}\n",
};

describe("readProject", () => {
  it("finds what is built, from which folder, of what, and where it runs", () => {
    const found = readProject(projectOf(shop));
    expect(found).toMatchObject({
      images: [
        {
          name: "frontend",
          context: "web",
          dockerfile: "Dockerfile",
          args: { NODE: "22.1" },
          repository: "team/frontend",
          bases: ["node:22.1-bookworm-slim", "gcr.io/distroless/nodejs22"],
        },
        // What it copies is there from the top alone.
        { name: "worker", context: ".", dockerfile: "worker/Dockerfile", bases: ["python:3.12-slim"] },
        { name: "tools", context: ".", dockerfile: "Dockerfile.tools" },
      ],
      others: [
        { reference: "redis:7-bookworm", where: "cache of compose.yml" },
        { reference: "postgres:16", where: "db of compose.yml" },
        { reference: "busybox:1", where: "deploy/web.yaml" },
      ],
      compose: [{ path: "compose.yml", services: { frontend: "frontend" } }],
      manifests: [{ path: "deploy/web.yaml", images: ["frontend"] }],
      pipelines: [{ path: ".github/workflows/build.yml", by: "github" }],
      problems: [],
    });
  });

  it("gives images of one name numbers, and takes one Dockerfile for one image", () => {
    const files = {
      "a/app/Dockerfile": "FROM scratch\n",
      "b/app/Dockerfile": "FROM scratch\n",
      Dockerfile: "FROM scratch\n",
      "compose.yaml": "services: { one: { build: . }, two: { build: { context: ./, dockerfile: ./Dockerfile } } }\n",
    };
    expect(readProject(projectOf(files)).images.map(({ name }) => name)).toEqual(["one", "app", "app-2"]);
  });

  it("names what cannot be read, and goes on", () => {
    const { images, problems } = readProject(
      projectOf({
        Dockerfile: "FROM\n",
        "good/Dockerfile": "FROM debian:12\n",
        "bad.yaml": "a: [\n",
        "template.yaml": "{{ .Values }}: [\n",
        "bombs.yaml": `a: &a [1]\nb: &b [*a,*a]\nc: &c [*b,*b]\n${"d: [*c,*c,*c,*c]\n".repeat(40)}`,
        "compose.yml":
          "services: { gone: { build: ./nowhere }, out: { build: ../../etc }, far: { build: 'https://git.example/a.git' } }\n",
      }),
    );
    expect(images.map(({ name }) => name)).toEqual(["good"]);
    expect(problems.map((one) => one.split(":")[0])).toEqual(
      expect.arrayContaining(["Dockerfile", "bad.yaml", "compose.yml"]),
    );
    expect(problems.join("\n")).not.toContain("etc");
  });
});

const problemsOf = (parsed: ReturnType<typeof parseConfig>) => (parsed.kind === "invalid" ? parsed.problems : []);

describe("draftConfig", () => {
  const draft = (project: Project) => draftConfig(project, readProject(project));

  it("is a configuration without mistakes, also with every suggestion taken", () => {
    const text = draft(projectOf(shop, { remote: "https://git.example/team/shop.git", branch: "main" }));
    expect(parseConfig(text, {})).toMatchObject({ kind: "ok" });
    const open = text
      .split("\n")
      .map((line) => line.replace(/^( *)# (?=[ ]*[a-z-]+:|[ ]*- \{)/, "$1"))
      .filter((line) => !/^feeds:|FILE-OR-URL/.test(line))
      .join("\n");
    expect(open).toContain("\ndeployments:\n");
    expect(problemsOf(parseConfig(open, { TIDEMILL_WEBHOOK_SECRET: "s".repeat(40) }))).toEqual([]);
    expect(open).toMatch(/^ {2}redis: \{ recipe: upstream/m);
  });

  it("says how an image is left to the workflow that builds it, as a configuration takes it", () => {
    const text = draft(projectOf(shop, { remote: "git@github.com:team/shop.git", branch: "main" }));
    const [, image = ""] = /`(app: .*)` below `images:`/.exec(text) ?? [];
    expect(image).toContain("repository: team/shop, workflow: build.yml, ref: main");
    const whole = text.replace("\nimages:\n", `\nimages:\n  ${image}\n`);
    expect(problemsOf(parseConfig(whole, { GITHUB_TOKEN: "t" }))).toEqual([]);
  });

  it("stands names and values that would be something else in YAML", () => {
    const hostile = projectOf(
      {
        "no/Dockerfile": "FROM debian:12\n",
        "constructor/Dockerfile": "FROM debian:12\n",
        "__proto__/Dockerfile": "FROM debian:12\n",
        "Ünï © $(rm)/Dockerfile": "FROM debian:12\n",
        "a: b #c/Dockerfile": "FROM debian:12\n",
        'q"uote/Dockerfile': "FROM debian:12\n",
        "compose.yml":
          'services: { "x: {y}": { build: { context: no, args: { "A: B": x, YES: "\\n- yes" } }, image: "-bad/../name" } }\n',
      },
      { problems: ["evil\nimages: { a: b }"], remote: "https://git.example/\u001b[31m", branch: "yes" },
    );
    const text = draft(hostile);
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/\u001b/);
    const parsed = parseConfig(text, {});
    expect(problemsOf(parsed)).toEqual([]);
  });

  it("says where to begin in an empty folder", () => {
    expect(draft(projectOf({}))).toContain("# app: { recipe: dockerfile, context: . }");
  });
});
