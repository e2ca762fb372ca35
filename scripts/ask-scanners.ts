/**
 * What scanners say of a rebased image, beside what dpkg says of it: for ours, and for the same one as `crane rebase` makes it.
 * Needs docker, the system's apt mirror, and trivy, syft and grype on the PATH; with `--databases FOLDER`, which
 * scanner-databases/ makes, also what they find.
 *
 *     node scripts/ask-scanners.ts [--codename bookworm] [--databases FOLDER]
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { z } from "zod";
import { createImageReader, createLayerStore } from "../src/io/layer/index.ts";
import { createRebaser } from "../src/loop/build/index.ts";
import { buildGoProgram } from "../test/go-program.ts";
import { createDockerImages, sourcesOf } from "../test/rebase/docker-images.ts";

const run = promisify(execFile);
const { values } = parseArgs({
  options: { codename: { type: "string", default: "bookworm" }, databases: { type: "string" } },
});
const { codename, databases } = values;
const library = codename === "bookworm" ? "libssl3" : "libssl3t64";
const roots = ["apt", "ca-certificates", "passwd", "openssl", library];

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const ask = async (program: string, ...args: string[]): Promise<string> => {
  const env = {
    ...process.env,
    GRYPE_DB_AUTO_UPDATE: "false",
    GRYPE_DB_VALIDATE_AGE: "false",
    GRYPE_CHECK_FOR_APP_UPDATE: "false",
  };
  const { stdout } = await run(program, args, { env, maxBuffer: 1 << 28 });
  return stdout;
};

const cyclonedx = z.object({
  components: z.array(
    z.object({ type: z.string(), name: z.string(), version: z.string().optional(), purl: z.string().optional() }),
  ),
});
/** Debian packages of an SBOM, as `name version`, epochs of the purl put before. */
function packagesOf(document: string): Set<string> {
  const { components } = cyclonedx.parse(JSON.parse(document));
  return new Set(
    components.flatMap(({ name, purl = "" }) => {
      if (!purl.startsWith("pkg:deb/")) return [];
      const version = decodeURIComponent(/@([^?]*)/.exec(purl)?.[1] ?? "");
      const epoch = /[?&]epoch=(\d+)/.exec(purl)?.[1];
      return [`${name} ${epoch === undefined || version.startsWith(`${epoch}:`) ? "" : `${epoch}:`}${version}`];
    }),
  );
}

const trivyReport = z.object({
  Results: z
    .array(
      z.object({
        Vulnerabilities: z
          .array(z.object({ VulnerabilityID: z.string(), PkgName: z.string(), InstalledVersion: z.string() }))
          .nullish(),
      }),
    )
    .nullish(),
});
const grypeReport = z.object({
  matches: z.array(
    z.object({
      vulnerability: z.object({ id: z.string() }),
      artifact: z.object({ name: z.string(), version: z.string() }),
    }),
  ),
});

async function findings(image: string, folder: string): Promise<Record<"trivy" | "grype", string[]>> {
  const offline = [
    "--skip-db-update",
    "--skip-java-db-update",
    "--skip-vex-repo-update",
    "--offline-scan",
    "--skip-version-check",
    "--quiet",
  ];
  const trivy = await ask(
    "trivy",
    "image",
    "--cache-dir",
    join(folder, "trivy"),
    ...offline,
    "--scanners",
    "vuln",
    "--pkg-types",
    "os",
    "--format",
    "json",
    "--insecure",
    image,
  );
  process.env["GRYPE_DB_CACHE_DIR"] = join(folder, "grype");
  const grype = await ask("grype", "-q", "-o", "json", `docker:${image}`);
  return {
    trivy: (trivyReport.parse(JSON.parse(trivy)).Results ?? [])
      .flatMap(({ Vulnerabilities }) =>
        (Vulnerabilities ?? []).map((one) => `${one.VulnerabilityID} ${one.PkgName} ${one.InstalledVersion}`),
      )
      .sort(),
    grype: grypeReport
      .parse(JSON.parse(grype))
      .matches.map(({ vulnerability, artifact }) => `${vulnerability.id} ${artifact.name} ${artifact.version}`)
      .sort(),
  };
}

async function compare(what: string, image: string): Promise<void> {
  await ask("docker", "pull", "--quiet", image);
  // The bytes decide: what a program says of itself is what is there.
  const dpkg = await ask(
    "docker",
    "run",
    "--rm",
    "--network",
    "none",
    "--user",
    "0",
    "--entrypoint",
    "dpkg-query",
    image,
    "-W",
    "-f",
    "${db:Status-Abbrev} ${Package} ${Version}\\n",
  );
  const installed = new Set(dpkg.split("\n").flatMap((line) => (line.startsWith("ii") ? [line.slice(4).trim()] : [])));
  const truth = await ask(
    "docker",
    "run",
    "--rm",
    "--network",
    "none",
    "--user",
    "0",
    "--entrypoint",
    "openssl",
    image,
    "version",
  );
  const says = [...installed].find((line) => line.startsWith("openssl ")) ?? "";
  say(
    `\n${what}: ${installed.size} packages by dpkg; the openssl program is ${truth.split(" ")[1]}, dpkg says ${says}`,
  );
  for (const [name, document] of [
    [
      "trivy",
      await ask(
        "trivy",
        "image",
        "--quiet",
        "--skip-version-check",
        "--offline-scan",
        "--format",
        "cyclonedx",
        "--insecure",
        image,
      ),
    ],
    ["syft", await ask("syft", "scan", "-q", "-o", "cyclonedx-json", `docker:${image}`)],
  ] as const) {
    const seen = packagesOf(document);
    const lacking = [...installed].filter((one) => !seen.has(one));
    const beyond = [...seen].filter((one) => !installed.has(one));
    say(
      `  ${name}: ${seen.size} packages, ${lacking.length} that dpkg has and it has not, ${beyond.length} the other way round ${[...lacking, ...beyond].slice(0, 4).join(", ")}`,
    );
  }
  if (databases === undefined) return;
  for (const [name, found] of Object.entries(await findings(image, databases)))
    say(`  ${name} finds ${found.length}: ${found.slice(0, 6).join("; ")}`);
}

const cacheDir = await mkdtemp(join(tmpdir(), "tidemill-scanners-"));
const images = await createDockerImages();
try {
  const all = [codename, `${codename}-updates`, `${codename}-security`];
  const old = await images.assembleBase("base", "old", [codename], roots, { cmd: ["bash"] });
  const base = await images.assembleBase("base", "new", all, [...roots, "netbase"], { cmd: ["bash"] });
  const image = await images.build(
    "app",
    "before",
    `FROM ${images.host}/base:old\nCOPY debian.list /etc/apt/sources.list.d/\nRUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nginx less && apt-get clean\n`,
    { "debian.list": sourcesOf([codename]) },
  );
  const rebaser = createRebaser({
    images: createImageReader(createLayerStore(cacheDir)),
    findBase: () => Promise.resolve(undefined),
  });
  const sink = images.repository("app");
  const from = (reference: typeof old) => ({ source: images.repository("base"), reference });
  const ours = await rebaser.rebase({
    image: { source: sink, reference: image },
    oldBase: from(old),
    base: from(base),
    sink,
    mountFrom: ["base"],
  });
  if (ours.kind !== "rebased") throw new Error(JSON.stringify(ours));
  await sink.tag(ours.digest, "ours");
  const crane = await buildGoProgram("github.com/google/go-containerregistry/cmd/crane@v0.22.1");
  if (crane.missing !== undefined) throw new Error(crane.missing);
  await ask(
    crane.path,
    "rebase",
    "--insecure",
    `${images.host}/app:before`,
    "--old_base",
    `${images.host}/base:old`,
    "--new_base",
    `${images.host}/base:new`,
    "--tag",
    `${images.host}/app:crane`,
  );
  await compare("before", `${images.host}/app:before`);
  await compare("tidemill rebase", `${images.host}/app:ours`);
  await compare("crane rebase", `${images.host}/app:crane`);
} finally {
  await images.close();
  await rm(cacheDir, { recursive: true, force: true });
}
