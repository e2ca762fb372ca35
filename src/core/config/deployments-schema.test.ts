import { describe, expect, it } from "vitest";
import { deploymentsOf, imagesOf, parseConfig } from "./index.ts";

const text = (deployments: string): string => `version: 1
upstreams:
  debian: { kind: debian, codename: bookworm }
environments: [{ name: staging }, { name: production }]
images:
  web: { recipe: packages, upstream: debian, packages: [nginx] }
  api: { recipe: packages, upstream: debian, packages: [curl] }
deployments:
${deployments}
`;

function parse(deployments: string) {
  const parsed = parseConfig(text(deployments), {});
  if (parsed.kind !== "ok") throw new Error(JSON.stringify(parsed.problems));
  return parsed.config;
}

function problems(deployments: string): string[] {
  const parsed = parseConfig(text(deployments), {});
  return parsed.kind === "ok" ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`);
}

describe("deployments of the configuration", () => {
  it("are of all images, or of those that they name", () => {
    const config = parse(`  all: { environment: staging, command: { run: [./deploy] } }
  shop: { environment: production, images: [web, web], deadline: 2m, registry: "registry.example:5000/team", command: { run: [./deploy] } }`);
    expect(config.deployments["all"]).toMatchObject({ deadline: 600_000 });
    expect(imagesOf(config, "all")).toEqual(["web", "api"]);
    expect(imagesOf(config, "shop")).toEqual(["web"]);
    expect(imagesOf(config, "none")).toEqual([]);
    expect(deploymentsOf(config, "web", "staging")).toEqual(["all"]);
    expect(deploymentsOf(config, "web", "production")).toEqual(["shop"]);
    expect(deploymentsOf(config, "api", "production")).toEqual([]);
  });

  it.each([
    [
      "shop: { environment: moon, command: { run: [x] } }",
      /deployments\.shop\.environment: there is no environment "moon"/,
    ],
    [
      "shop: { environment: staging, images: [wbe], command: { run: [x] } }",
      /shop\.images\[?.?0\]?: there is no image "wbe"/,
    ],
    ["shop: { environment: staging }", /it names no target: one of .*command/],
    ["shop: { environment: staging, gitops: { url: /a, files: [] } }", /gitops\.files/],
    ["shop: { environment: staging, kubernetes: { namespaces: [shop] } }", /either `workloads:` or `selector:`/],
    [
      "shop: { environment: staging, kubernetes: { namespaces: [shop], workloads: [deployment/web], selector: a=b } }",
      /either `workloads:` or `selector:`/,
    ],
    ["shop: { environment: staging, kubernetes: { namespaces: [shop], workloads: [pod/web] } }", /statefulset/],
    ["shop: { environment: staging, kubernetes: { namespaces: [../x], workloads: [deployment/web] } }", /namespaces/],
    ["shop: { environment: staging, kubernetes: { namespaces: [shop], selector: 'a=b&limit=1' } }", /labels/],
    [
      "shop: { environment: staging, kubernetes: { namespaces: [shop], selector: a=b, containers: { wep: [x] } } }",
      /there is no image "wep"/,
    ],
    [
      "shop: { environment: staging, kubernetes: { namespaces: [shop], workloads: [deployment/web] } }\n  other: { environment: production, images: [web], kubernetes: { namespaces: [shop], workloads: [deployment/web] } }",
      /other\.kubernetes\.workloads.*: shop sets web at deployment\/web in shop as well/,
    ],
    ["shop: { environment: staging, gitops: { url: /a, files: [../b] } }", /a file from the top of the repository/],
    ["shop: { environment: staging, gitops: { url: /a, files: [/b] } }", /a file from the top of the repository/],
    ["shop: { environment: staging, gitops: { url: /a, files: [b, b] } }", /a file stands there twice/],
    [
      'shop: { environment: staging, gitops: { url: /a, files: [b], author: { name: "a <b>", email: c } } }',
      /a name without/,
    ],
    ['shop: { environment: staging, gitops: { url: /a, files: [b], signingKey: "a\\nb" } }', /signingKey: a path/],
    [
      "shop: { environment: staging, gitops: { url: /a, files: [b] } }\n  other: { environment: production, images: [web], gitops: { url: /a, files: [c, b] } }",
      /other\.gitops\.files.*: shop writes web to b as well/,
    ],
    [
      "shop: { environment: staging, gitops: { url: /a, files: [b], pullRequest: { provider: github } } }",
      /gitops\.pullRequest: `url:` names no repository of a forge: say `api:` and `repository:` here/,
    ],
    [
      "shop: { environment: staging, gitops: { url: /a, files: [b], pullRequest: { provider: hub } } }",
      /pullRequest\.provider/,
    ],
    [
      'shop: { environment: staging, gitops: { url: "https://git.example/a/b", files: [b], pullRequest: { provider: gitea, api: "http://git.example/api/v1" } } }',
      /api: an https address/,
    ],
    [
      'shop: { environment: staging, gitops: { url: "https://git.example/a/b", files: [b], pullRequest: { provider: gitea, api: "http://localhost.example/api/v1" } } }',
      /api: an https address/,
    ],
    [
      'shop: { environment: staging, gitops: { url: "https://git.example/a/b", files: [b], pullRequest: { provider: gitlab, branch: "tidemill/{image}" } } }',
      /branch: it has to hold `\{deployment\}` and `\{image\}`/,
    ],
    [
      'shop: { environment: staging, gitops: { url: /a, files: [b], live: { argocd: { url: "https://a.example/", application: shop } } } }',
      /live\.argocd\.url: an address without credentials/,
    ],
    [
      'shop: { environment: staging, gitops: { url: /a, files: [b], live: { argocd: { url: "https://a.example", application: "../shop" } } } }',
      /live\.argocd\.application: the name of an application/,
    ],
    ["shop: { environment: staging, gitops: { url: /a, files: [b], live: {} } }", /gitops\.live/],
    [
      "shop: { environment: staging, gitops: { url: /a, files: [apps/] } }\n  other: { environment: production, images: [web], gitops: { url: /a, files: [apps/web/x.yaml] } }",
      /other\.gitops\.files.*: shop writes web to apps\/web\/x\.yaml as well/,
    ],
    [
      "shop: { environment: staging, images: [web], gitops: { url: /a, files: [apps/web/x.yaml] } }\n  other: { environment: production, gitops: { url: /a, files: [apps/] } }",
      /other\.gitops\.files.*: shop writes web to apps\/ as well/,
    ],
    ["shop: { environment: staging, gitops: { url: /a, files: [a//] } }", /a folder: `deploy\/`/],
    ["shop: { environment: staging, command: { run: [] } }", /command\.run/],
    ["shop: { environment: staging, command: { run: x } }", /command\.run/],
    ["shop: { environment: staging, command: { run: [x], user: root } }", /user/],
    ['shop: { environment: staging, webhook: { url: "http://a.example/", secret: short } }', /at least 16 characters/],
    [
      'shop: { environment: staging, webhook: { url: "file:///etc/passwd", secret: "a secret of the shop" } }',
      /an address/,
    ],
    [
      'shop: { environment: staging, webhook: { url: "http://a/", secret: "a secret of the shop", poll: 1ms } }',
      /at least 100ms/,
    ],
    [
      'shop: { environment: staging, command: { run: [x] }, webhook: { url: "http://a/", secret: "a secret of the shop" } }',
      /it has several targets: command, webhook/,
    ],
    ["shop: { environment: staging, compose: { services: {} } }", /it names no service/],
    ["shop: { environment: staging, compose: { services: { wbe: web } } }", /there is no image "wbe"/],
    [
      "shop: { environment: staging, compose: { services: { web: app, api: app } } }",
      /the service app runs web already/,
    ],
    [
      "shop: { environment: staging, images: [web], compose: { services: { web: app } } }",
      /`services:` says which images/,
    ],
    ["shop: { environment: staging, compose: { services: { web: app }, project: A B } }", /a compose project/],
    ["shop: { environment: staging, tag: { to: team/web } }", /a repository with its registry/],
    ['shop: { environment: staging, images: [web], tag: { to: "r.example/{name}" } }', /only `\{image\}` stands/],
    ["shop: { environment: staging, tag: { to: r.example/web } }", /2 images would share one tag/],
    ['shop: { environment: staging, images: [web], tag: { to: "r.example/web", tag: "a b" } }', /a tag/],
    ["shop: { environment: staging, deadline: soon, command: { run: [x] } }", /a span of time/],
    ['shop: { environment: staging, registry: "http://a", command: { run: [x] } }', /host\[:port\]/],
    ["Shop: { environment: staging, command: { run: [x] } }", /Shop/],
    ["constructor: { environment: staging, command: { run: [x] } }", /constructor/],
  ])("%s is a mistake", (line, message) => {
    const found = problems(`  ${line}`);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(message);
  });

  it("move no tag that another of us moves", () => {
    const twice = `  a: { environment: staging, images: [web], tag: { to: r.example/web, tag: now } }
  b: { environment: production, tag: { to: "r.example/{image}", tag: now } }`;
    expect(problems(twice)).toEqual([
      expect.stringMatching(/deployments\.b\.tag: a moves r\.example\/web:now as well/),
    ]);
    const own = `  a: { environment: staging, images: [web], tag: { to: r.example/team/web, tag: production } }
registry: { url: r.example/team }`;
    expect(problems(own)).toEqual([expect.stringMatching(/the promotion to production moves r\.example\/team\/web/)]);
  });
});
