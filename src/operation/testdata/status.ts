import type { Digest } from "../../lib/index.ts";
import type { Status } from "../index.ts";

/** A digest that can be told from others by its beginning. */
export function sampleDigest(start: string): Digest {
  return `sha256:${start.padEnd(64, "0")}`;
}

type ImageState = Status["images"][number];

function image(name: string, state: ImageState["state"], reason: string, more: Partial<ImageState> = {}): ImageState {
  const digest = sampleDigest(Buffer.from(name).toString("hex").slice(0, 8) + "c0ffee12");
  const exposure = { state: "unknown" as const, advisories: [], since: null };
  return {
    name,
    recipe: "packages",
    repository: `127.0.0.1:5000/${name}`,
    parents: name === "base" ? [] : ["base"],
    platforms: ["linux/amd64"],
    state,
    reason,
    environments: [
      { name: "staging", digest, since: "2026-11-23T08:41:12Z", deployments: [], conflict: null, soak: null, exposure },
      { name: "production", digest, since: "2026-11-23T08:41:57Z", deployments: [], conflict: null, soak: null, exposure },
    ],
    findings: { state: "unknown", reasons: ["no feed"], asOf: "2026-11-23T08:59:00Z", open: 0, accepted: 0, cures: [] },
    ...more,
  };
}

const older = sampleDigest("77aa10cc2b19");
const newer = sampleDigest("3f2a9c01b2de");
const openssl = "openssl 3.0.16-1~deb12u1 → 3.0.17-1~deb12u2 from bookworm-security (CVE-2026-1122, CVE-2026-1123)";

/** A fleet on a busy morning: something of everything. */
export const sampleStatus: Status = {
  version: "0.1.0",
  at: "2026-11-23T09:00:00Z",
  server: { address: "http://127.0.0.1:4000", pid: 4711, since: "2026-11-23T07:00:00Z" },
  advisories: { state: "unknown", reason: "no feed", asOf: null },
  worst: {
    state: "open",
    reason: null,
    exposure: {
      image: "python",
      environment: "production",
      advisory: "CVE-2026-1122",
      severity: "critical",
      exploited: true,
      since: "2026-11-20T09:00:00Z",
      deadline: { rule: "own: critical", at: "2026-11-22T09:00:00Z", missed: true },
    },
  },
  alarms: [
    {
      id: "1",
      code: "INDEX_EXPIRED",
      subject: "trixie-security",
      message: "its InRelease expired on 2026-11-20; the generation of 2026-11-12 stays",
      hint: "The mirror lags or is cut off. Try another mirror, or wait for it to catch up.",
      since: "2026-11-23T06:10:00Z",
    },
  ],
  images: [
    image("base", "current", "runs all that its suites offer"),
    image("curl", "current", "runs all that its suites offer"),
    image("python", "rebuilding", openssl, {
      environments: [
        {
          name: "staging",
          digest: newer,
          since: "2026-11-23T08:59:48Z",
          deployments: [], conflict: null, soak: null,
          exposure: { state: "none", advisories: [], since: null },
        },
        {
          name: "production",
          digest: older,
          since: "2026-11-20T10:00:00Z",
          deployments: [
            { name: "shop", digest: older, since: "2026-11-20T10:01:00Z", waiting: null },
            { name: "mall", digest: older, since: null, waiting: "the system is away" },
          ], conflict: null, soak: null,
          exposure: {
            state: "open",
            advisories: ["CVE-2026-1122", "CVE-2026-1123", "CVE-2026-1130", "CVE-2026-1131"],
            since: "2026-11-23T05:12:00Z",
          },
        },
      ],
    }),
    image("nginx", "held", "ada holds it in production: release on Friday", { parents: ["base"] }),
    image("git", "waiting", "git 1:2.39.5-0+deb12u3 is in cool-down until 2026-11-24 06:00Z"),
    image("app", "failing", "fix-not-landed: libssl3 is still 3.0.16-1~deb12u1 in layer 5", { parents: ["python"] }),
    image("busybox", "current", "runs all that its suites offer", { parents: [] }),
    image("reports", "unbuilt", "waits for python", {
      parents: ["python"],
      environments: [
        { name: "staging", digest: null, since: null, deployments: [], conflict: null, soak: null, exposure: { state: "unknown", advisories: [], since: null } },
        { name: "production", digest: null, since: null, deployments: [], conflict: null, soak: null, exposure: { state: "unknown", advisories: [], since: null } },
      ],
    }),
  ],
  rebuilds: [
    {
      id: "0d2c",
      image: "python",
      state: "built",
      step: "verify",
      environment: "production",
      since: "2026-11-23T08:59:51Z",
      notBefore: null,
      lane: "urgent",
      attempt: 1,
      candidate: newer,
      reason: openssl,
      until: null,
      approvals: [],
    },
    {
      id: "0d2d",
      image: "app",
      state: "queued",
      step: "queue",
      environment: null,
      since: "2026-11-23T08:58:00Z",
      notBefore: "2026-11-23T09:03:00Z",
      lane: "urgent",
      attempt: 2,
      candidate: null,
      reason: "python is rebuilt",
      until: null,
      approvals: [],
    },
  ],
  holds: [
    {
      id: "h1",
      image: "nginx",
      environment: "production",
      setBy: "person",
      by: "ada",
      reason: "release on Friday",
      since: "2026-11-22T16:00:00Z",
      until: "2026-11-27T12:00:00Z",
    },
  ],
  quarantines: [
    {
      image: "git",
      digest: sampleDigest("bad0bad0bad0"),
      since: "2026-11-21T12:00:00Z",
      by: "tidemill",
      reason: "unhealthy in production after 4 min: /usr/bin/git --version exited with 127",
    },
  ],
  upstreams: [
    {
      name: "bookworm",
      kind: "suite",
      state: "ok",
      lastSuccess: "2026-11-23T08:58:30Z",
      generation: "2026-09-06T09:21:00Z",
      problem: null,
    },
    {
      name: "bookworm-security",
      kind: "suite",
      state: "ok",
      lastSuccess: "2026-11-23T08:58:31Z",
      generation: "2026-11-23T05:12:00Z",
      problem: null,
    },
    {
      name: "trixie-security",
      kind: "suite",
      state: "failing",
      lastSuccess: "2026-11-20T04:00:00Z",
      generation: "2026-11-12T18:00:00Z",
      problem: "INDEX_EXPIRED: valid until 2026-11-20",
    },
  ],
  promotions: [
    { at: "2026-11-23T08:41:57Z", image: "curl", environment: "production", from: older, to: newer, kind: "promoted", reason: openssl },
    { at: "2026-11-23T08:41:12Z", image: "curl", environment: "staging", from: older, to: newer, kind: "promoted", reason: openssl },
    {
      at: "2026-11-21T12:00:00Z",
      image: "git",
      environment: "production",
      from: sampleDigest("bad0bad0bad0"),
      to: older,
      kind: "rolled-back",
      reason: "unhealthy in production after 4 min",
    },
    { at: "2026-11-20T10:00:00Z", image: "python", environment: "production", from: null, to: older, kind: "promoted", reason: "never built" },
  ],
};

/** Text that attacks whoever shows it: markup, terminal escapes, direction overrides. */
export const hostileText = '<script>alert(1)</script>"\' onx=\u001b]0;owned\u0007\u001b[2J\u009b31m\u202egnp.exe';

/** The same fleet where every free text is hostile. */
export function hostileStatus(): Status {
  const spoil = (value: unknown, key: string): unknown => {
    if (Array.isArray(value)) return value.map((item) => spoil(item, key));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, spoil(inner, name)]));
    }
    const free = ["name", "reason", "message", "hint", "subject", "image", "environment", "by", "problem", "parents", "advisories", "version"];
    return typeof value === "string" && free.includes(key) ? `${value} ${hostileText}` : value;
  };
  return spoil(sampleStatus, "") as Status;
}
