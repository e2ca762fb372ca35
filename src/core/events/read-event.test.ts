import { createHmac } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { signWebhook, webhookKey } from "../../lib/index.ts";
import { providers, readEvent, type Delivery, type Endpoint } from "./index.ts";

const secret = "a secret of more than sixteen characters";
const now = Date.UTC(2026, 10, 27, 9);
const headersOf = (headers: Readonly<Record<string, string>>, body: Uint8Array, query = ""): Delivery => ({
  header: (name) => headers[name],
  query: new URLSearchParams(query),
  body,
});
const bytes = (body: unknown): Buffer => Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
const hmac = (body: Uint8Array, key = secret) => createHmac("sha256", key).update(body).digest("hex");

/** A delivery as its sender makes it. */
const deliver = {
  github: (event: string, body: unknown) =>
    headersOf(
      { "x-github-event": event, "x-hub-signature-256": `sha256=${hmac(bytes(body))}`, "x-github-delivery": "1" },
      bytes(body),
    ),
  gitlab: (_event: string, body: unknown) => headersOf({ "x-gitlab-token": secret }, bytes(body)),
  gitea: (event: string, body: unknown) =>
    headersOf({ "x-gitea-event": event, "x-gitea-signature": hmac(bytes(body)) }, bytes(body)),
  "docker-hub": (_event: string, body: unknown) => headersOf({}, bytes(body), `secret=${encodeURIComponent(secret)}`),
  quay: (_event: string, body: unknown) => headersOf({}, bytes(body), `secret=${encodeURIComponent(secret)}`),
  harbor: (_event: string, body: unknown) => headersOf({ authorization: secret }, bytes(body)),
  distribution: (_event: string, body: unknown) => headersOf({ authorization: `Bearer ${secret}` }, bytes(body)),
  cloudevents: (event: string, body: unknown) => standard(bytes(body), { "content-type": event }),
  generic: (_event: string, body: unknown) => headersOf({ authorization: `Bearer ${secret}` }, bytes(body)),
} satisfies Record<keyof typeof providers, (event: string, body: unknown) => Delivery>;

function standard(body: Buffer, more: Record<string, string> = {}, at = now, key = secret): Delivery {
  const seconds = Math.floor(at / 1000);
  const signature = signWebhook(webhookKey(key) ?? Buffer.alloc(16), "msg_1", seconds, body);
  const headers = { "webhook-id": "msg_1", "webhook-timestamp": `${seconds}`, "webhook-signature": signature };
  return headersOf({ ...headers, ...more }, body);
}

const told = (delivery: Delivery, endpoint: Endpoint): string[] | string => {
  const verdict = readEvent(delivery, endpoint, now);
  if (verdict.kind !== "told") return verdict.kind;
  return verdict.subjects.map((one) => {
    if (one.kind === "image") return `image ${one.reference}`;
    return one.kind === "source" ? `source ${one.repository} ${one.ref ?? "any"}` : one.kind;
  });
};
/** A repository as GitHub names it in every event. */
const repository = {
  full_name: "Octo/Hello-World",
  html_url: "https://github.com/Octo/Hello-World",
  git_url: "git://github.com/Octo/Hello-World.git",
  ssh_url: "git@github.com:Octo/Hello-World.git",
  clone_url: "https://github.com/Octo/Hello-World.git",
};
/** GitHub's events, with the fields that its "Webhook events and payloads" says tell what they are about. */
const github = {
  push: { ref: "refs/heads/master", before: "0".repeat(40), after: "1".repeat(40), created: true, repository },
  create: { ref: "simple-tag", ref_type: "tag", master_branch: "master", repository },
  release: { action: "published", release: { id: 1, tag_name: "0.0.1", draft: false, prerelease: false }, repository },
  npmPackage: { action: "published", package: { name: "hello", package_type: "npm", ecosystem: "npm" }, repository },
  advisory: { action: "published", security_advisory: { ghsa_id: "GHSA-xxxx-xxxx-xxxx", severity: "moderate" } },
  dependabot: { action: "created", alert: { number: 20, state: "open" }, repository },
  ping: { zen: "Keep it logically awesome.", hook_id: 1, repository },
} as const;

const project = {
  name: "Diaspora",
  web_url: "http://example.com/mike/diaspora",
  git_ssh_url: "git@example.com:mike/diaspora.git",
  git_http_url: "http://example.com/mike/diaspora.git",
};
const cloudEvent = (data: unknown, more: object = {}) => ({
  specversion: "1.0",
  id: "A234-1234-1234",
  source: "/ci/tekton",
  type: "com.example.pushed",
  data,
  ...more,
});
const structured = "application/cloudevents+json; charset=utf-8";

describe("what senders say, by their own documented examples", () => {
  it.each<[keyof typeof providers, string, unknown, string[] | string]>([
    ["github", "push", github.push, ["source github.com/octo/hello-world master"]],
    ["github", "create", github.create, ["source github.com/octo/hello-world simple-tag"]],
    ["github", "release", github.release, ["source github.com/octo/hello-world 0.0.1"]],
    ["github", "package", github.npmPackage, "other"],
    [
      "github",
      "registry_package",
      {
        action: "published",
        registry_package: {
          name: "app",
          namespace: "Octo",
          package_type: "CONTAINER",
          package_version: { container_metadata: { tag: { name: "v1" } } },
        },
      },
      ["image ghcr.io/octo/app:v1"],
    ],
    ["github", "security_advisory", github.advisory, ["advisories"]],
    ["github", "dependabot_alert", github.dependabot, ["advisories"]],
    ["github", "ping", github.ping, "other"],
    ["github", "issues", { action: "closed" }, "other"],
    ["github", "constructor", {}, "other"],
    ["github", "push", { ref: "refs/heads/main" }, "unknown"],
    [
      "gitlab",
      "",
      { object_kind: "push", ref: "refs/heads/master", project },
      ["source example.com/mike/diaspora master"],
    ],
    [
      "gitlab",
      "",
      { object_kind: "tag_push", ref: "refs/tags/v1.0.0", project },
      ["source example.com/mike/diaspora v1.0.0"],
    ],
    [
      "gitlab",
      "",
      { object_kind: "release", tag: "v1.1", action: "create", project },
      ["source example.com/mike/diaspora v1.1"],
    ],
    [
      "gitlab",
      "",
      {
        event_name: "repository_update",
        project,
        changes: [{ ref: "refs/heads/master" }],
        refs: ["refs/heads/master"],
      },
      ["source example.com/mike/diaspora master"],
    ],
    ["gitlab", "", { object_kind: "vulnerability", object_attributes: { severity: "high" } }, ["advisories"]],
    ["gitlab", "", { object_kind: "merge_request", changes: { title: {} }, project }, "other"],
    ["gitlab", "", { nothing: true }, "unknown"],
    [
      "gitea",
      "push",
      {
        ref: "refs/heads/develop",
        repository: {
          html_url: "http://localhost:3000/gitea/webhooks",
          ssh_url: "ssh://gitea@localhost:2222/gitea/webhooks.git",
          clone_url: "http://localhost:3000/gitea/webhooks.git",
        },
      },
      ["source localhost/gitea/webhooks develop"],
    ],
    [
      "gitea",
      "package",
      {
        action: "created",
        package: {
          type: "container",
          name: "App",
          version: "1.2",
          html_url: "https://git.lan/Team/-/packages/container/app/1.2",
          owner: { login: "Team" },
        },
      },
      ["image git.lan/team/app:1.2"],
    ],
    [
      "docker-hub",
      "",
      { push_data: { tag: "12" }, repository: { repo_name: "library/debian" } },
      ["image docker.io/library/debian:12"],
    ],
    ["docker-hub", "", { image: "debian:12" }, "unknown"],
    [
      "quay",
      "",
      { docker_url: "quay.io/org/app", updated_tags: ["1", "2"] },
      ["image quay.io/org/app:1", "image quay.io/org/app:2"],
    ],
    [
      "harbor",
      "",
      { type: "PUSH_ARTIFACT", event_data: { resources: [{ resource_url: "hub.lan/library/debian:12" }] } },
      ["image hub.lan/library/debian:12"],
    ],
    [
      "harbor",
      "",
      { type: "DELETE_ARTIFACT", event_data: { resources: [{ resource_url: "hub.lan/a/b:1" }] } },
      "other",
    ],
    [
      "distribution",
      "",
      {
        events: [
          { action: "push", target: { repository: "team/app", tag: "1" }, request: { host: "registry.lan:5000" } },
        ],
      },
      ["image registry.lan:5000/team/app:1"],
    ],
    ["cloudevents", structured, cloudEvent({ image: "ghcr.io/octo/app:1" }), ["image ghcr.io/octo/app:1"]],
    [
      "cloudevents",
      structured,
      cloudEvent({ repository: "https://git.lan/team/app.git", ref: "main" }),
      ["source git.lan/team/app main"],
    ],
    [
      "cloudevents",
      structured,
      cloudEvent(
        {
          subject: {
            id: "pkg:oci/app@sha256%3A0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427?repository_url=ghcr.io/octo/app&tag=1",
          },
        },
        { type: "dev.cdevents.artifact.published.0.2.0" },
      ),
      ["image ghcr.io/octo/app:1"],
    ],
    [
      "cloudevents",
      "application/cloudevents-batch+json",
      [cloudEvent({ image: "a.lan/x:1" }), cloudEvent({ image: "a.lan/y:1" }, { id: "2" })],
      ["image a.lan/x:1", "image a.lan/y:1"],
    ],
    [
      "cloudevents",
      structured,
      cloudEvent({ resources: [{ resource_url: "hub.lan/a/b:1" }] }, { type: "harbor.artifact.pushed" }),
      ["image hub.lan/a/b:1"],
    ],
    ["cloudevents", structured, { specversion: "0.3", id: "1", source: "x", type: "y" }, "unknown"],
    ["generic", "", { image: "a.lan/x:1" }, ["image a.lan/x:1"]],
    [
      "generic",
      "",
      { repository: "git@git.lan:team/app.git", ref: "refs/heads/main" },
      ["source git.lan/team/app main"],
    ],
    ["generic", "", { anything: 1 }, "unknown"],
  ])("%s %s %#", (from, event, body, expected) => {
    expect(told(deliver[from](event, body), { from, secret: [secret] })).toEqual(expected);
  });

  it("CloudEvents in binary mode have their attributes in headers", () => {
    const headers = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/x", "ce-type": "com.example.pushed" };
    const delivery = standard(bytes({ image: "a.lan/x:1" }), { ...headers, "content-type": "application/json" });
    expect(told(delivery, { from: "cloudevents", secret: [secret] })).toEqual(["image a.lan/x:1"]);
  });

  it("a body of any form is read by the configuration's JSONPaths", () => {
    const looks = { image: "$.artifacts[?@.kind == 'image'].ref", repository: "$.scm.url", ref: "$.scm.branch" };
    const body = {
      artifacts: [
        { kind: "image", ref: "a.lan/x:1" },
        { kind: "chart", ref: "a.lan/chart:1" },
      ],
      scm: { url: "https://git.lan/team/app", branch: "main" },
    };
    expect(told(deliver.generic("", body), { from: "generic", secret: [secret], looks })).toEqual([
      "image a.lan/x:1",
      "source git.lan/team/app main",
    ]);
    expect(told(deliver.generic("", {}), { from: "generic", secret: [secret], looks: { advisories: true } })).toEqual([
      "advisories",
    ]);
  });
});

describe("who is believed", () => {
  const push = github.push;
  const kinds = Object.keys(providers) as (keyof typeof providers)[];

  it.each(kinds)("%s: nobody without the secret, with another, or with a changed body", (from) => {
    const endpoint: Endpoint = { from, secret: [secret] };
    const sent = deliver[from]("push", push);
    const refused = { kind: "refused", why: "unproven" };
    expect(readEvent(sent, endpoint, now).kind).not.toBe("refused");
    expect(readEvent(headersOf({ "x-github-event": "push" }, sent.body), endpoint, now)).toEqual(refused);
    expect(readEvent(sent, { from, secret: [`${secret}!`] }, now)).toEqual(refused);
    expect(readEvent(sent, { from, secret: [] }, now)).toEqual(refused);
  });

  it.each(["github", "gitea"] as const)("%s: the signature is of these bytes", (from) => {
    const sent = deliver[from]("push", push);
    const changed = { ...sent, body: Buffer.concat([sent.body, Buffer.from(" ")]) };
    expect(readEvent(changed, { from, secret: [secret] }, now)).toEqual({ kind: "refused", why: "unproven" });
  });

  it("either secret is good while one is replaced", () => {
    const endpoint = { from: "github", secret: ["the new one, sixteen characters", secret] };
    expect(readEvent(deliver.github("push", push), endpoint, now).kind).toBe("told");
  });

  it.each([
    [-301_000, "stale"],
    [301_000, "stale"],
    [-299_000, undefined],
  ])("Standard Webhooks: signed %d ms from now: %s", (away, why) => {
    const sent = standard(bytes({ image: "a.lan/x:1" }), {}, now + away);
    const verdict = readEvent(sent, { from: "generic", secret: [secret] }, now);
    expect(verdict.kind === "refused" ? verdict.why : undefined).toBe(why);
  });

  it("a signature that stands there is not passed over for a token", () => {
    const sent = standard(bytes({ object_kind: "push", project }), { "x-gitlab-token": secret }, now, `${secret}!`);
    expect(readEvent(sent, { from: "gitlab", secret: [secret] }, now)).toEqual({ kind: "refused", why: "unproven" });
  });

  it("a header of one's own, with base64 and sha512", () => {
    const body = bytes({ image: "a.lan/x:1" });
    const signature = { header: "X-Sig", algorithm: "sha512", encoding: "base64", prefix: "v=" } as const;
    const endpoint: Endpoint = { from: "generic", secret: [secret], signature };
    const value = `v=${createHmac("sha512", secret).update(body).digest("base64")}`;
    expect(told(headersOf({ "x-sig": value }, body), endpoint)).toEqual(["image a.lan/x:1"]);
    expect(told(headersOf({ authorization: `Bearer ${secret}` }, body), endpoint)).toBe("refused");
  });
});

describe("a copy", () => {
  const key = (delivery: Delivery, endpoint: Partial<Endpoint> & { from: string }) => {
    const verdict = readEvent(delivery, { secret: [secret], ...endpoint }, now);
    return verdict.kind === "told" ? verdict.key : verdict.kind;
  };

  it("of GitHub's is known though it comes with another number, which nobody signed", () => {
    const first = deliver.github("push", github.push);
    const other = { ...first, header: (name: string) => (name === "x-github-delivery" ? "2" : first.header(name)) };
    expect(key(first, { from: "github" })).toBe(key(other, { from: "github" }));
    expect(key(deliver.github("create", github.create), { from: "github" })).not.toBe(key(first, { from: "github" }));
  });

  it("of a generic one is known by its signed id, or by where the configuration says; else two may say the same", () => {
    const body = { image: "a.lan/x:1", run: 7 };
    expect(key(standard(bytes(body)), { from: "generic" })).toBe("msg_1");
    expect(key(deliver.generic("", body), { from: "generic", id: "$.run" })).toBe('["7"]');
    expect(key(deliver.generic("", body), { from: "generic" })).toBeUndefined();
  });

  it("of a CloudEvent is known by source and id", () => {
    const event = deliver.cloudevents(structured, cloudEvent({ image: "a.lan/x:1" }));
    expect(key(event, { from: "cloudevents" })).toBe('[["/ci/tekton","A234-1234-1234"]]');
  });
});

describe("hostile bodies", () => {
  const kinds = Object.keys(providers) as (keyof typeof providers)[];
  const hostile: unknown[] = [
    "",
    "{",
    "null",
    "[]",
    `${"[".repeat(200_000)}${"]".repeat(200_000)}`,
    `{"a":${'{"image":'.repeat(50_000)}1${"}".repeat(50_000)}}`,
    { events: Array.from({ length: 2000 }, () => ({ action: "push" })) },
    { image: "x".repeat(100_000) },
    { images: Array.from({ length: 101 }, (_, at) => `a.lan/x:${at}`) },
    { ref: { length: 3 }, repository: { clone_url: { length: 1 } } },
    { ref: "refs/heads/main", repository: { clone_url: "javascript:alert(1)" } },
    { __proto__: { image: "a.lan/x:1" }, constructor: 1 },
    Buffer.from([0xff, 0xfe, 0x00]).toString("latin1"),
  ];
  const looks = { image: "$..image", repository: "$..url" };

  it.each(kinds)("%s: are refused by name, and throw nothing", (from) => {
    for (const body of hostile)
      for (const event of ["push", "package", structured])
        for (const endpoint of [
          { from, secret: [secret] },
          { from, secret: [secret], looks },
        ])
          expect(readEvent(deliver[from](event, body), endpoint, now).kind).toMatch(/^(?:unknown|other)$/);
  });

  it.each(kinds)("%s: whatever comes, a verdict is given", (from) => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom("push", "release", "package", structured), (body, event) => {
        const verdict = readEvent(deliver[from](event, body), { from, secret: [secret], looks }, now);
        expect(["told", "other", "unknown"]).toContain(verdict.kind);
      }),
      { numRuns: 200 },
    );
  });
});
