import { describe, expect, it } from "vitest";
import { checkComposeFile } from "./check-compose-file.ts";

const question = { services: { frontend: "web" }, order: "start-first", hasSteady: false } as const;
const problems = (text: string, change: Partial<Parameters<typeof checkComposeFile>[1]> = {}) =>
  checkComposeFile(text, { ...question, ...change }).problems.map(({ message }) => message);
const web = (body: string): string => `services:\n  web: { image: a, ${body} }\n`;

describe("checkComposeFile", () => {
  it("reads the project's name and its version, and finds nothing amiss in what is plain", () => {
    const text = `name: shop\nversion: "3.8"\nservices:\n  web:\n    image: a\n    ports: ["80"]\n  db: !reset { ports: ["5432:5432"] }\n`;
    expect(checkComposeFile(text, question)).toEqual({ name: "shop", version: "3.8", problems: [] });
    expect(checkComposeFile("version: 2.4\nservices: { web: }", question)).toMatchObject({
      version: "2.4",
      problems: [],
    });
  });

  it.each([
    ["ports: ['80:8080']", /publishes the port 80/],
    ["ports: ['127.0.0.1:80:8080/tcp']", /publishes the port 80/],
    ["ports: ['[::1]:81:8080']", /publishes the port 81/],
    ["ports: ['${PORT:-80}:8080']", /publishes the port variable/],
    ["ports: [{ target: 80, published: 8080 }]", /publishes the port 8080/],
    ["container_name: web", /container_name/],
    ["network_mode: host", /host's network/],
    ["healthcheck: { disable: true }", /health check of the service web is disabled/],
    ["ports: { a: 1 }", /cannot be read/],
  ])("%s cannot run twice, or is not looked after", (body, message) => {
    expect(problems(web(body))).toEqual([expect.stringMatching(message)]);
  });

  it.each([
    "ports: ['8080']",
    "ports: ['8080/udp']",
    "ports: ['0:8080']",
    "ports: ['8000-8010:80']",
    "ports: ['127.0.0.1::80']",
    "ports: [{ target: 80 }, 9090]",
    "network_mode: bridge",
    "healthcheck: { test: [CMD, x] }",
  ])("%s can", (body) => {
    expect(problems(web(body))).toEqual([]);
  });

  it("leaves ports alone where the old one ends first, and health where it is said how long it has to run", () => {
    expect(problems(web("ports: ['80:80'], container_name: web"), { order: "stop-first" })).toEqual([]);
    expect(problems(web("healthcheck: { disable: true }"), { hasSteady: true })).toEqual([]);
  });

  it.each([
    ["services: { db: }", /there is no service web in it/],
    ["services:", /there is no service web in it/],
    ["services: [web]", /no `services:` that can be read/],
    ["- a", /not a mapping/],
    ["", /not a mapping/],
    ["a: [", /no YAML/],
    ["a: *b", /./],
    [
      `a: &a [x, x]\n${"bcdefghij"
        .split("")
        .map((one, at) => `${one}: &${one} [${`*${"abcdefghi"[at]}, `.repeat(9)}x]`)
        .join("\n")}\nservices: { web: *j }`,
      /alias|read/,
    ],
    [" ".repeat(5_000_000), /larger than/],
  ])("of a hostile file says what is wrong", (text, message) => {
    const found = problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(message);
  });
});
