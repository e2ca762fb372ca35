import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

/**
 * Makes src/core/base/end-of-life.json from a checkout of the endoflife.date project: `node scripts/update-end-of-life.ts FOLDER`. Only support that comes without a
 * contract counts; a release whose end is not announced has none in the file.
 */

interface Product {
  /** As our users know it. */
  readonly name: string;
  /** Files of the source, without their ending. */
  readonly from: readonly string[];
  /** `ID` of os-release. */
  readonly ids?: readonly string[];
  /** Variable of an image's environment that holds its version. */
  readonly variable?: string;
  /** How many numbers of a version name a release. */
  readonly depth: 1 | 2;
  /** The source's columns: until when everything is mended, and until when at least what is a matter of security. */
  readonly full: "eoas" | "eol";
  readonly security: "eol" | "eoes";
  readonly rolling?: true;
  /** Whether os-release names releases by codename. */
  readonly codenames?: true;
  /** Whether some releases are kept longer than others, and those are what one moves to. */
  readonly longTerm?: true;
}

/** Who still has a release of before needs no file to know that it is old. */
const since = "2010-01-01";

const products: readonly Product[] = [
  { name: "Debian", from: ["debian"], ids: ["debian"], depth: 1, full: "eol", security: "eoes", codenames: true },
  {
    name: "Ubuntu",
    from: ["ubuntu"],
    ids: ["ubuntu"],
    depth: 2,
    full: "eol",
    security: "eol",
    codenames: true,
    longTerm: true,
  },
  { name: "Alpine Linux", from: ["alpine-linux"], ids: ["alpine"], depth: 2, full: "eol", security: "eol" },
  { name: "Red Hat Enterprise Linux", from: ["rhel"], ids: ["rhel"], depth: 1, full: "eoas", security: "eol" },
  { name: "Rocky Linux", from: ["rocky-linux"], ids: ["rocky"], depth: 1, full: "eoas", security: "eol" },
  { name: "AlmaLinux", from: ["almalinux"], ids: ["almalinux"], depth: 1, full: "eoas", security: "eol" },
  { name: "CentOS", from: ["centos-stream", "centos"], ids: ["centos"], depth: 1, full: "eoas", security: "eol" },
  { name: "Oracle Linux", from: ["oracle-linux"], ids: ["ol"], depth: 1, full: "eol", security: "eol" },
  { name: "Fedora", from: ["fedora"], ids: ["fedora"], depth: 1, full: "eol", security: "eol" },
  { name: "Amazon Linux", from: ["amazon-linux"], ids: ["amzn"], depth: 2, full: "eoas", security: "eol" },
  {
    name: "SUSE Linux Enterprise Server",
    from: ["sles"],
    ids: ["sles", "sled"],
    depth: 2,
    full: "eol",
    security: "eol",
  },
  { name: "openSUSE Leap", from: ["opensuse"], ids: ["opensuse-leap"], depth: 2, full: "eol", security: "eol" },
  { name: "Photon OS", from: ["vmware-photon"], ids: ["photon"], depth: 2, full: "eol", security: "eol" },
  { name: "Wolfi", from: [], ids: ["wolfi", "chainguard"], depth: 1, full: "eol", security: "eol", rolling: true },
  { name: "Arch Linux", from: [], ids: ["arch"], depth: 1, full: "eol", security: "eol", rolling: true },
  {
    name: "openSUSE Tumbleweed",
    from: [],
    ids: ["opensuse-tumbleweed"],
    depth: 1,
    full: "eol",
    security: "eol",
    rolling: true,
  },
  {
    name: "Node.js",
    from: ["nodejs"],
    variable: "NODE_VERSION",
    depth: 1,
    full: "eoas",
    security: "eol",
    longTerm: true,
  },
  { name: "Python", from: ["python"], variable: "PYTHON_VERSION", depth: 2, full: "eoas", security: "eol" },
  { name: "PHP", from: ["php"], variable: "PHP_VERSION", depth: 2, full: "eoas", security: "eol" },
  { name: "Ruby", from: ["ruby"], variable: "RUBY_VERSION", depth: 2, full: "eol", security: "eol" },
];

type Fields = Readonly<Record<string, unknown>>;

const folder = process.argv[2] ?? "";
const git = (...args: string[]): string => execFileSync("git", ["-C", folder, ...args], { encoding: "utf8" }).trim();

function releasesOf({ from, full, security, codenames, longTerm: hasLongTerm }: Product): Fields[] {
  const known = new Set<string>();
  return from
    .flatMap((file) => {
      const [, head = ""] = readFileSync(join(folder, "products", `${file}.md`), "utf8").split(/^---$/m);
      return (parse(head, { schema: "failsafe" }) as { releases: Fields[] }).releases;
    })
    .flatMap((one) => {
      const version = String(one.releaseCycle);
      const released = dateOf(one.releaseDate);
      if (!/^\d{1,4}(?:\.\d{1,3})?$/.test(version) || known.has(version) || released === undefined || released < since)
        return [];
      known.add(version);
      const isNamed = codenames === true && typeof one.codename === "string";
      const codename = isNamed ? String(one.codename).split(" ")[0]?.toLowerCase() : undefined;
      const end = dateOf(one[security]) ?? (security === "eoes" ? dateOf(one.eol) : undefined);
      const fullEnd = dateOf(one[full]) ?? (one[full] === "true" ? released : end);
      const longTerm = hasLongTerm === true ? (one.lts === "true" ? released : dateOf(one.lts)) : undefined;
      return [{ version, codename, released, full: end === undefined ? undefined : fullEnd, end, longTerm }];
    })
    .sort((a, b) => (a.released < b.released ? 1 : a.released > b.released ? -1 : 0));
}

function dateOf(value: unknown): string | undefined {
  return typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined;
}

const written = products.map((product) => {
  const { name, ids = [], variable, depth, rolling = false } = product;
  const head = JSON.stringify({ name, ids, variable, depth, rolling }).slice(0, -1);
  const lines = releasesOf(product).map((release) => `        ${JSON.stringify(release)}`);
  return `    ${head},"releases":[\n${lines.join(",\n")}\n      ]}`;
});
const source = {
  name: "endoflife.date",
  url: "https://endoflife.date",
  commit: git("rev-parse", "HEAD"),
  retrieved: git("log", "-1", "--format=%cs"),
  license: "MIT, Copyright 2020 endoflife.date contributors",
};
const text = `{\n  "source": ${JSON.stringify(source)},\n  "products": [\n${written.join(",\n")}\n  ]\n}\n`;
writeFileSync(new URL("../src/core/base/end-of-life.json", import.meta.url), text);
