import { expect, it } from "vitest";
import { parseConfig } from "./parse-config.ts";
import { policyDigest } from "./policy-digest.ts";

const base = `version: 1
upstreams: { debian: { kind: debian, codename: bookworm, mirror: "\${MIRROR}" } }
environments: [{ name: staging }, { name: production }]
images: { web: { recipe: packages, upstream: debian, packages: [curl] } }
webhooks: { ci: { from: generic, secret: "\${SECRET}", id: $.run, looks: { packages: true } } }
`;
const usual = { SECRET: "a secret of sixteen characters", MIRROR: "https://mirror.example/debian" };

function digestOf(text: string, env: Readonly<Record<string, string>> = usual): string {
  const parsed = parseConfig(text, env);
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.problems));
  return policyDigest(parsed.config);
}

it.each([
  ["other spaces and order", base.replace("version: 1\n", "").concat("version: 1\n"), usual, true],
  [
    "a default that is written out",
    base.replace("codename: bookworm,", "codename: bookworm, components: [main],"),
    usual,
    true,
  ],
  ["another secret", base, { ...usual, SECRET: "another one of sixteen characters" }, true],
  ["another mirror", base, { ...usual, MIRROR: "https://other.example/debian" }, false],
  ["another environment", base.replace("{ name: staging }, ", ""), usual, false],
  ["a gate", base.replace("{ name: production }", "{ name: production, soak: 1h }"), usual, false],
])("tells rules apart: %s", (_what, text, env, isSame) => {
  expect(digestOf(text, env) === digestOf(base)).toBe(isSame);
});
