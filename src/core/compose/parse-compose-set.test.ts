import { describe, expect, it } from "vitest";
import { parseComposeSet } from "./parse-compose-set.ts";
import { renderComposeSet } from "./render-compose-set.ts";

const start = "services:\n  web:\n    image: a\n";
const problems = (text: string): readonly string[] => {
  const parsed = parseComposeSet(text);
  return parsed.kind === "ok" ? [] : parsed.problems;
};
const render = (text: string, images: Record<string, string> = {}) => {
  const parsed = parseComposeSet(text);
  if (parsed.kind === "invalid") throw new Error(parsed.problems.join("\n"));
  const limits = { memoryBytes: 1000, cpus: 1, pids: 10, logBytes: 100 };
  return renderComposeSet(parsed.set, { images, folder: "/fleet", readOnly: "web", labels: { ours: "x" }, limits });
};

describe("a compose file of a set", () => {
  it("is read with anchors, merges, both forms of lists, and defaults of variables", () => {
    const text = `name: shop
x-all: &all { restart: always, environment: { A: "1", B: "$\${HOME}" } }
services:
  web:
    <<: *all
    image: "registry.example/web:\${TAG:-1.2}"
    ports: ["80:80"]
    depends_on: { db: { condition: service_healthy } }
    volumes: [./conf/site:/etc/site, "data:/srv", { type: bind, source: ./one, target: /one }]
    networks: { front: { aliases: [www] } }
  db:
    image: postgres:15
    environment: [POSTGRES_PASSWORD=secret, N=]
    healthcheck: { test: [CMD, true], interval: 1s }
    tmpfs: /var/lib/postgresql
networks: { front: {} }
volumes: { data: }
`;
    const file = JSON.parse(render(text, { web: "candidate:1" })) as { services: Record<string, object> };
    expect(file).toMatchObject({
      networks: { set: { internal: true, labels: { ours: "x" } } },
      volumes: { data: { labels: { ours: "x" } } },
      services: {
        web: {
          image: "candidate:1",
          environment: { A: "1", B: "$${HOME}" },
          depends_on: { db: { condition: "service_healthy" } },
          networks: { set: { aliases: ["www"] } },
          read_only: true,
          restart: "on-failure:10",
          volumes: [
            { type: "bind", source: "/fleet/conf/site", target: "/etc/site", read_only: true },
            { type: "volume", source: "data", target: "/srv", read_only: false },
            { type: "bind", source: "/fleet/one", target: "/one", read_only: true },
          ],
        },
        db: { image: "postgres:15", environment: { POSTGRES_PASSWORD: "secret", N: "" }, read_only: false },
      },
    });
    for (const service of Object.values(file.services)) {
      expect(service).toMatchObject({
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        mem_limit: 1000,
        memswap_limit: 1000,
        pids_limit: 10,
        labels: { ours: "x" },
      });
      expect(service).not.toHaveProperty("ports");
    }
  });

  it.each([
    ["privileged: true", /^4:\d+: services\.web\.privileged: nothing of a set is privileged/],
    ["network_mode: host", /^4:\d+: services\.web\.network_mode: a set has a network of its own/],
    ["pid: host", /^4:\d+: services\.web\.pid: /],
    ["ipc: host", /^4:\d+: services\.web\.ipc: /],
    ["devices: [/dev/kvm]", /^4:\d+: services\.web\.devices: /],
    ["cap_add: [SYS_ADMIN]", /^4:\d+: services\.web\.cap_add: nothing of a set gets capabilities/],
    ["security_opt: [seccomp=unconfined]", /^4:\d+: services\.web\.security_opt: /],
    ["build: .", /^4:\d+: services\.web\.build: a set is made of images/],
    ["extends: { file: other.yml, service: x }", /^4:\d+: services\.web\.extends: it would be read from another file/],
    ["env_file: /etc/shadow", /^4:\d+: services\.web\.env_file: it would be read from this machine/],
    ["userns_mode: host", /^4:\d+: services\.web\.userns_mode: /],
    ["cgroup_parent: /", /^4:\d+: services\.web\.cgroup_parent: /],
    ["runtime: other", /^4:\d+: services\.web\.runtime: /],
    ["volumes_from: [db]", /^4:\d+: services\.web\.volumes_from: /],
    ["secrets: [a]", /^4:\d+: services\.web\.secrets: /],
    ["volumes: ['/var/run/docker.sock:/s']", /^4:15: services\.web\.volumes\.0: it mounts \/var\/run\/docker\.sock/],
    ["volumes: ['../x:/x']", /it mounts \.\.\/x of this machine/],
    ["volumes: ['./a/../../x:/x']", /it mounts \.\/a\/\.\.\/\.\.\/x of this machine/],
    ["volumes: ['./.git:/x']", /it mounts \.\/\.git of this machine/],
    ["volumes: ['.:/x']", /it mounts \. of this machine/],
    ["volumes: ['~/x:/x']", /it mounts ~\/x of this machine/],
    ["volumes: [{ type: bind, source: /etc, target: /x }]", /it mounts \/etc of this machine/],
    ["volumes: [{ type: npipe, source: a, target: /x }]", /cannot be read/],
    ["volumes: ['data:/x']", /the volume data is not declared/],
    ["environment: [HOME]", /HOME has no value: a set is told nothing of Tidemill's environment/],
    ["environment: { A: '${DATABASE_URL}' }", /the variable DATABASE_URL has no default/],
    ["depends_on: [db]", /there is no service db/],
    ["bogus: 1", /^4:\d+: services\.web\.bogus: it is not known/],
    ["image: -rm", /^4:\d+: services\.web\.image: an image/],
  ])("%s is refused, with its place", (line, wanted) => {
    const text = line.startsWith("image") ? "services:\n  web:\n    x: 1\n" : start;
    expect(problems(`${text}    ${line}\n`)).toContainEqual(expect.stringMatching(wanted));
  });

  it.each([
    ["include: [other.yml]\n", /^4:\d+: include: it would be read from another file/],
    ["secrets: { a: { file: /etc/shadow } }\n", /^4:\d+: secrets: they would be read from this machine/],
    ["networks: { a: { external: true } }\n", /external/],
    ["networks: { a: { driver: host } }\n", /a set has a network of its own/],
    ["volumes: { a: { driver_opts: { type: none, o: bind, device: / } } }\n", /driver_opts/],
    ["volumes: { a: { external: true } }\n", /external/],
  ])("%s below all is refused", (text, wanted) => {
    expect(problems(start + text)).toContainEqual(expect.stringMatching(wanted));
  });

  it.each([
    ["", /not a mapping/],
    ["- a", /not a mapping/],
    ["a: [", /^1:5: /],
    [`${start}---\n${start}`, /^4:1: it has several documents/],
    ["services: {}", /no service/],
    ["services: [web]", /services/],
    [`services:\n${Array.from({ length: 21 }, (_, n) => `  s${n}: { image: a }\n`).join("")}`, /more than 20/],
    ["services: { web: { image: a, command: *x } }", /./],
    [`a: &a [x]\nb: &b [${"*a,".repeat(200)}]\nservices: { web: { image: a } }`, /alias|not known/],
    ["[".repeat(20_000), /./],
    [`services: { web: { image: a, command: ${"[".repeat(50)}${"]".repeat(50)} } }`, /./],
    ["services: { __proto__: { image: a } }", /./],
    ["services: { 'we\u001bb': { image: a } }", /./],
    [" ".repeat(1_048_577), /larger than/],
  ])("that is hostile says what is wrong, in a bounded list without escapes", (text, wanted) => {
    const found = problems(text);
    expect(found[0]).toMatch(wanted);
    expect(found.length).toBeLessThanOrEqual(20);
    expect(found.join("")).not.toContain("\u001b");
  });

  it("gives Compose no variable to replace: every `$` of it is one", () => {
    const rendered = render(`services: { web: { image: a, command: [sh, -c, "echo $$HOME $\${X}"] } }`);
    expect(JSON.parse(rendered)).toMatchObject({ services: { web: { command: ["sh", "-c", "echo $$HOME $${X}"] } } });
  });
});
