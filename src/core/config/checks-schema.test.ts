import { describe, expect, it } from "vitest";
import { check } from "./checks-schema.ts";
import { parseConfig } from "./parse-config.ts";

const start = `version: 1
upstreams: { debian: { kind: debian, codename: bookworm } }
environments: [{ name: production }]
images:
  web:
    recipe: packages
    upstream: debian
    packages: [curl]
    checks:
`;
const problems = (text: string) => {
  const parsed = parseConfig(`${start}      - ${text}\n`, {});
  return parsed.kind === "ok" ? [] : parsed.problems.map(({ path, message, line }) => `${line} ${path}: ${message}`);
};

describe("a check", () => {
  it("with `run:` alone is what it has always been", () => {
    expect(check.parse({ name: "starts", run: ["nginx", "-t"] })).toEqual({
      name: "starts",
      run: ["nginx", "-t"],
      status: 0,
      network: false,
      timeout: 60_000,
    });
  });

  it.each([
    ["{ name: a, run: [x], retries: 2 }", []],
    ["{ name: a, script: [./ask], timeout: 5m, retries: { count: 1, pause: 10s } }", []],
    ["{ name: a, structure: { files: [{ path: /bin/sh, exists: false }], user: app, maxSize: 80MiB } }", []],
    ["{ name: a, http: { port: 8080, path: /healthz, contains: ok }, env: { MODE: test }, start: 10s }", []],
    ["{ name: a, tcp: 5432, command: [postgres, -D, /tmp], writable: true }", []],
    [
      '{ name: a, pipeline: { url: "https://ci.example/verify", secret: "a secret of the pipeline" }, timeout: 1h }',
      [],
    ],
    [
      '{ name: a, pipeline: { url: "file:///etc/passwd", secret: short } }',
      [
        "10 images.web.checks.0.pipeline.url: an address: `https://deploy.example/hook`",
        "10 images.web.checks.0.pipeline.secret: at least 16 characters, or `whsec_` and the base64 of at least 16 bytes",
      ],
    ],
    ["{ name: a, compose: set.yml, service: app, probes: [{ service: app, http: { port: 80 } }] }", []],
    [
      "{ name: a, compose: set.yml, service: app, probes: [] }",
      ["10 images.web.checks.0.probes: it takes at least 1 entries"],
    ],
    ["{ name: a, job: { namespace: checks, command: [app, migrate], env: { A: '1' } }, timeout: 10m, retries: 1 }", []],
    [
      "{ name: a, job: { namespace: checks, manifest: job.yaml, containers: [app], registry: 'reg.local:5000/x' } }",
      [],
    ],
    ["{ name: a, job: { command: [x] } }", ["10 images.web.checks.0.job.namespace: `namespace:` is missing"]],
    [
      "{ name: a, job: { namespace: ../kube-system } }",
      ["10 images.web.checks.0.job.namespace: a name of Kubernetes: `checks`"],
    ],
    [
      "{ name: a, job: { namespace: checks, manifest: job.yaml, command: [x], memory: 1GiB } }",
      [
        "10 images.web.checks.0.job.command: the manifest says it: it stands there, or here without `manifest:`",
        "10 images.web.checks.0.job.memory: the manifest says it: it stands there, or here without `manifest:`",
      ],
    ],
    [
      "{ name: a, job: { namespace: checks, containers: [app] } }",
      ["10 images.web.checks.0.job.containers: it names containers of a `manifest:`, and there is none"],
    ],
    [
      "{ name: a, job: { namespace: checks, privileged: true } }",
      ['10 images.web.checks.0.job.privileged: "privileged" is not known here'],
    ],
    [
      "{ name: a, job: { namespace: checks }, timeout: 2d }",
      ["10 images.web.checks.0.timeout: at least 1s, at most 1d"],
    ],
    ["{ name: a, tcp: 70000 }", ["10 images.web.checks.0.tcp: it takes at most 65535"]],
    [
      "{ name: a, http: { port: 80, path: '@evil.example/' } }",
      ["10 images.web.checks.0.http.path: a path: `/healthz`"],
    ],
    ["{ name: a, http: { port: 80 }, network: true }", ['10 images.web.checks.0.network: "network" is not known here']],
    ["{ name: a, run: nginx -t }", ["10 images.web.checks.0.run: it takes a list, not text"]],
    ["{ name: a, script: [] }", ["10 images.web.checks.0.script: it takes at least 1 entries"]],
    ["{ name: a, run: [x], outptu: y }", ['10 images.web.checks.0.outptu: "outptu" is not known here']],
    ["{ name: a, script: [x], network: true }", ['10 images.web.checks.0.network: "network" is not known here']],
    [
      "{ name: a, structure: { files: [{ path: bin/sh }] } }",
      ["10 images.web.checks.0.structure.files.0.path: an absolute path in the image"],
    ],
    [
      "{ name: a, structure: { files: [{ path: /bin/sh, exists: false, mode: '0755' }] } }",
      ["10 images.web.checks.0.structure.files.0: of a file that must not be there nothing else can be wanted"],
    ],
    [
      "{ name: a }",
      [
        "10 images.web.checks.0: a check has a `name` and one of `run`, `http`, `tcp`, `structure`, `structureTests`, `script`, `compose`, `job`, `pipeline`; `tidemill schema` says what else",
      ],
    ],
  ])("%s", (text, said) => expect(problems(text)).toEqual(said));

  it("has at most ten retries", () => expect(problems("{ name: a, run: [x], retries: 11 }")).toHaveLength(1));
});
