import { describe, expect, it } from "vitest";
import { parseConfig } from "./parse-config.ts";

const text = (environment: string): string => `version: 1
upstreams:
  debian: { kind: debian, codename: bookworm }
environments:
  - name: staging
${environment
  .split("\n")
  .map((line) => `    ${line}`)
  .join("\n")}
images:
  web: { recipe: packages, upstream: debian, packages: [nginx] }
`;

function parse(environment: string) {
  const parsed = parseConfig(text(environment), {});
  if (parsed.kind !== "ok") throw new Error(JSON.stringify(parsed.problems));
  return parsed.config.environments[0];
}

function problems(environment: string): string[] {
  const parsed = parseConfig(text(environment), {});
  if (parsed.kind === "ok") return [];
  return parsed.problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
}

describe("what an environment demands, as the configuration has it", () => {
  it("demands nothing where nothing is said", () => {
    expect(parse("soak: 5m")).toMatchObject({
      auto: true,
      freeze: [],
      probes: [],
      requireProbes: false,
      soak: 300_000,
    });
  });

  it("reads windows, freezes, approvals and probes", () => {
    const read = parse(`auto: { urgent: true, routine: false }
windows: [{ days: [mon, tue], from: "09:00", to: "17:00", zone: Europe/Berlin }]
freeze: [{ from: 2026-12-20, until: "2027-01-02T08:00:00+01:00", reason: year's end, urgent: true }]
approvals: { count: 2, from: [ada, bob] }
probes:
  - { name: home, http: { url: "http://{image}.staging.example/" }, every: 5s, failures: { count: 3, of: 10 } }
  - { name: port, tcp: "db.example:5432", images: [web], after: rollback }
  - { name: own, command: [./ask, --deep] }
requireProbes: warn`);
    expect(read).toMatchObject({
      auto: { urgent: true, routine: false },
      windows: [{ zone: "Europe/Berlin" }],
      freeze: [{ from: Date.parse("2026-12-20"), until: Date.parse("2027-01-02T07:00:00Z"), urgent: true }],
      approvals: { count: 2 },
      probes: [
        { every: 5000, timeout: 5000, failures: { count: 3, of: 10 }, after: "none" },
        { failures: { count: 3, of: 3 }, after: "rollback" },
        { command: ["./ask", "--deep"] },
      ],
    });
  });

  it("takes addresses and headers of probes from variables", () => {
    const http = 'http: { url: "${SITE}/health", headers: { authorization: "Bearer ${TOKEN}" } }';
    const parsed = parseConfig(text(`probes: [{ name: home, ${http} }]`), { SITE: "https://site.example", TOKEN: "t" });
    expect(parsed.kind === "ok" ? parsed.config.environments[0]?.probes[0] : parsed.problems).toMatchObject({
      http: { url: "https://site.example/health", headers: { authorization: "Bearer t" } },
    });
    expect(problems(`probes: [{ name: home, ${http} }]`).join("\n")).toContain("the variable TOKEN is not set");
  });

  it.each([
    ["auto: sometimes", "6:5 environments.0.auto: `true`, `false`, or by lane"],
    ['windows: [{ from: "9", to: "17:00" }]', "6:17 environments.0.windows.0.from: a time of day"],
    ['windows: [{ from: "09:00", to: "25:00" }]', "environments.0.windows.0.to: a time of day"],
    ['windows: [{ from: "09:00", to: "17:00", zone: Mars/Olympus }]', "environments.0.windows.0.zone: a time zone"],
    ["freeze: [{ from: 2026-12-20, until: 2026-12-19, reason: x }]", "freeze.0.until: it ends before it begins"],
    ["freeze: [{ from: soon, until: 2026-12-19, reason: x }]", "freeze.0.from: a date in UTC or a moment"],
    ["approvals: { count: 2, from: [ada] }", "approvals.from: it names fewer people than have to approve"],
    ["approvals: { count: 0 }", "approvals.count: it takes at least 1"],
    ["probes: [{ name: a, http: { url: ftp://x } }]", "probes.0"],
    ["probes: [{ name: a, tcp: nowhere }]", "probes.0"],
    ["probes: [{ name: a, tcp: 'x:1', failures: { count: 4, of: 3 } }]", "probes.0"],
    ["probes: [{ name: a, tcp: 'x:1', every: 1ms }]", "probes.0: `every:` is at least 50ms"],
    ["probes: [{ name: a, tcp: 'x:1' }, { name: a, tcp: 'x:2' }]", "probes.1.name: there are two probes a"],
    ["probes: [{ name: a, tcp: 'x:1', images: [wbe] }]", 'probes.0.images.0: there is no image "wbe"'],
    ["trains: [{ name: a, images: [web, wbe] }]", 'trains.0.images.1: there is no image "wbe"'],
    ["trains: [{ name: a, images: [web, web] }]", "trains.0.images.1: web is in the train a already"],
    ["trains: [{ name: a, images: [web] }]", "trains.0.images: it takes at least 2"],
    ["reverify: daily", "environments.0.reverify: a span of time, or"],
    ["reverify: { every: 24h, failed: shout }", "environments.0.reverify"],
    ["requireProbes: never", "environments.0.requireProbes"],
  ])("refuses %s with the place", (environment, expected) => {
    expect(problems(environment).join("\n")).toContain(expected);
  });
});
