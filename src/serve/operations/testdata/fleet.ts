import { parseConfig, type Config } from "../../../core/config/index.ts";

/** A small fleet, as its owner wrote it. */
export const fleetText = `version: 1
upstreams:
  debian: { kind: debian, codename: bookworm }
environments:
  - name: staging
  - name: production
images:
  base: { recipe: packages, upstream: debian, packages: [tzdata] }
  web: { recipe: packages, upstream: debian, parent: base, packages: [curl] }
`;

/** A configuration that must be right. */
export function configOf(text: string): Config {
  const parsed = parseConfig(text, {});
  if (parsed.kind === "ok") return parsed.config;
  throw new Error(parsed.problems.map(({ message }) => message).join("; "));
}
