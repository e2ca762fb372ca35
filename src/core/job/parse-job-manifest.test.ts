import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { fillJob, type JobTerms } from "./make-job.ts";
import { maxJobManifest, parseJobManifest, type JobManifest } from "./parse-job-manifest.ts";

const head = "apiVersion: batch/v1\nkind: Job\n";
const pod = (more: string): string => `${head}spec:\n  template:\n    spec:\n${more}`;
const plain = pod("      containers: [{ name: app, image: registry.example/web:1 }]\n");
const problems = (text: string): readonly string[] => {
  const parsed = parseJobManifest(text);
  return parsed.kind === "ok" ? [] : parsed.problems;
};
function read(text: string): JobManifest {
  const parsed = parseJobManifest(text);
  if (parsed.kind === "invalid") throw new Error(parsed.problems.join("\n"));
  return parsed.manifest;
}
const reference = `registry.example/web@${sha256("candidate")}`;
const terms: JobTerms = {
  name: "tidemill-a-1",
  namespace: "checks",
  labels: { "tidemill.dev/job": "tidemill-a-1" },
  annotations: { "tidemill.dev/check": "a" },
  reference,
  platform: { os: "linux", architecture: "amd64" },
  deadline: 75,
};

describe("a manifest of a Job", () => {
  it("is kept as it stands, but for the candidate, its name, its labels, its node and its time", () => {
    const text = `---
${head}metadata: { generateName: migrate-, namespace: checks, labels: { team: shop, tidemill.dev/job: forged } }
spec:
  backoffLimit: 2
  ttlSecondsAfterFinished: 0
  activeDeadlineSeconds: 900
  template:
    metadata: { labels: { team: shop }, annotations: { sidecar: "off" } }
    spec:
      restartPolicy: Never
      serviceAccountName: migrator
      nodeSelector: { disk: fast }
      initContainers: [{ name: wait, image: busybox, command: [sh] }]
      containers:
        - { name: app, image: "registry.example/web:\${TAG}", env: [{ name: A, valueFrom: { secretKeyRef: { name: s, key: k } } }] }
        - { name: old, image: registry.example/web:1 }
`;
    const filled = fillJob(read(text), ["app"], terms);
    expect(filled).toEqual({
      kind: "ok",
      job: {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: {
          name: "tidemill-a-1",
          namespace: "checks",
          labels: { team: "shop", "tidemill.dev/job": "tidemill-a-1" },
          annotations: { "tidemill.dev/check": "a" },
        },
        spec: {
          backoffLimit: 2,
          ttlSecondsAfterFinished: 600,
          activeDeadlineSeconds: 75,
          template: {
            metadata: {
              labels: { team: "shop", "tidemill.dev/job": "tidemill-a-1" },
              annotations: { sidecar: "off" },
            },
            spec: {
              restartPolicy: "Never",
              serviceAccountName: "migrator",
              nodeSelector: { disk: "fast", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" },
              initContainers: [{ name: "wait", image: "busybox", command: ["sh"] }],
              containers: [
                {
                  name: "app",
                  image: reference,
                  env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }],
                },
                { name: "old", image: "registry.example/web:1" },
              ],
            },
          },
        },
      },
    });
  });

  it.each<[string, string, readonly string[] | undefined, RegExp]>([
    [
      "no container of the candidate's",
      plain.replace("/web:", "/other:"),
      undefined,
      /no container of it is of registry\.example\/web: there is app \(registry\.example\/other:1\)/,
    ],
    ["a container that it has not got", plain, ["web"], /there is no container web in it/],
    [
      "another namespace",
      plain.replace("kind: Job", "kind: Job\nmetadata: { namespace: kube-system }"),
      undefined,
      /for the namespace kube-system, the check for checks/,
    ],
    [
      "another platform",
      plain.replace("spec:\n      con", "spec:\n      nodeSelector: { kubernetes.io/arch: arm64 }\n      con"),
      undefined,
      /kubernetes\.io\/arch arm64: name by `platforms:`/,
    ],
  ])("with %s is not for this candidate, and says why", (_, text, containers, reason) => {
    expect(fillJob(read(text), containers, terms)).toEqual({ kind: "invalid", reason: expect.stringMatching(reason) });
  });

  it.each<[string, string, RegExp]>([
    ["nothing", "", /^1:1: it is not a mapping/],
    ["text that is no YAML", "a: [", /^\d+:\d+: /],
    ["several documents", `${plain}---\n${plain}`, /several documents/],
    ["a List of Jobs", "apiVersion: v1\nkind: List\nitems: []\n", /^1:13: apiVersion: it can only be batch\/v1/],
    ["a CronJob", plain.replace("kind: Job", "kind: CronJob"), /^2:7: kind: it can only be one Job/],
    ["something beside it", `${plain}status: {}\n`, /^\d+:\d+: status: it is not known here/],
    [
      "owners",
      plain.replace("kind: Job", "kind: Job\nmetadata: { ownerReferences: [] }"),
      /metadata\.ownerReferences: /,
    ],
    [
      "finalizers, which would keep it for ever",
      plain.replace("kind: Job", "kind: Job\nmetadata: { finalizers: [a/b] }"),
      /metadata\.finalizers: /,
    ],
    [
      "a selector of its own",
      plain.replace("spec:\n", "spec:\n  selector: { matchLabels: { app: web } }\n"),
      /spec\.selector: the cluster chooses it/,
    ],
    ["another controller", plain.replace("spec:\n", "spec:\n  managedBy: a/b\n"), /spec\.managedBy: /],
    [
      "suspension",
      plain.replace("spec:\n", "spec:\n  suspend: true\n"),
      /spec\.suspend: a Job that is suspended never ends/,
    ],
    ["no containers", pod("      containers: []\n"), /spec\.template\.spec\.containers: /],
    ["containers that are none", pod("      containers: [1, { name: [] }]\n"), /containers\.0: /],
    ["a key that stands twice", plain.replace("kind: Job", "kind: Job\nkind: Job"), /^3:1: kind stands here twice/],
    ["an alias of nothing", plain.replace("name: app", "name: *gone"), /./],
    [
      "aliases that multiply",
      `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c]\n${plain}`,
      /multiply/,
    ],
    ["a depth that no reader survives", `${head}spec: ${"[".repeat(100_000)}`, /^\d+:\d+: /],
    ["a depth that nobody needs", `${head}spec: ${"{ a: ".repeat(200)}1${" }".repeat(200)}\n`, /nested too deep/],
    ["more than is read", " ".repeat(maxJobManifest + 1), /^1:1: it is larger than/],
    ["a prototype", `${head}__proto__: { polluted: true }\nspec: {}\n`, /__proto__: it is not known here/],
    ["escapes in a key", `"\\e[31m": 1\n${plain}`, /\\u\{1b\}/],
  ])("with %s is refused with its place", (_, text, said) => {
    const started = performance.now();
    expect(problems(text).join("\n")).toMatch(said);
    expect(performance.now() - started).toBeLessThan(3000);
    expect(({} as { readonly polluted?: boolean }).polluted).toBeUndefined();
  });

  it("of nine thousand keys is read at once", () => {
    const labels = Array.from({ length: 9000 }, (_, at) => `      k${at}: v`).join("\n");
    const text = plain.replace("  template:\n", `  template:\n    metadata:\n     labels:\n${labels}\n`);
    const started = performance.now();
    expect(problems(text)).toEqual([]);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});
