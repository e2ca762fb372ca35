import { printable } from "../../lib/index.ts";
import { addressOfForge } from "../config/index.ts";
import type { Findings, FoundImage, Project } from "./types.ts";

/**
 * A configuration for what was found, as text with comments: what is built here stands in it, what would change running systems or needs a decision is written out and commented out. It says the
 * same for the same project.
 */
export function draftConfig({ remote, branch }: Pick<Project, "remote" | "branch">, found: Findings): string {
  const { images, others, compose, manifests, pipelines, problems } = found;
  const lines = [
    "# What Tidemill keeps fresh. `tidemill validate` names every mistake, `tidemill plan` says what would be done,",
    "# `tidemill up` does it. `tidemill schema` gives editors the shape of this file.",
    ...problems.map((problem) => `# Left out: ${comment(problem)}`),
    "version: 1",
    "",
    "# Where images go; without it the registry that is built in.",
    "# registry: { url: registry.example.com/team }",
    "",
    "# Whose packages are watched: what is newer there has the images rebuilt that have it.",
    "upstreams:",
    ...codenamesOf(images).map((codename) => `  ${codename}: { kind: debian, codename: ${codename} }`),
    "",
    "# In the order of promotion. Each may have checks, a soak, windows, approvals.",
    "environments:",
    "  - name: staging",
    "    # checks: [{ name: starts, http: { port: 8080, path: /healthz } }]",
    "    # soak: 10m",
    "  - name: production",
    "    # approvals: { count: 1 }",
    "",
    "images:",
    ...images.flatMap(imageLines),
    ...otherLines(others, images.length === 0),
    "",
    ...deploymentLines(compose, manifests, remote, branch),
    ...pipelineLines(pipelines, remote, branch),
    "# Advisories: without a feed the state of vulnerabilities is unknown, never clean.",
    "# feeds:",
    "#   - { kind: debian-tracker, from: FILE-OR-URL }",
    "#   - { kind: osv, from: FILE-OR-URL }",
    "",
    "# SBOM, provenance, verification and scan of every digest, signed: `tidemill keys make tidemill` first.",
    "# evidence: { key: tidemill.key }",
  ];
  return `${lines
    .join("\n")
    .replace(/\n{3,}/g, "\n\n")
    .trimEnd()}\n`;
}

function imageLines({ name, context, dockerfile, target, args, repository, bases }: FoundImage): string[] {
  const own = Object.entries(args);
  return [
    `  ${name}:`,
    ...(bases.length === 0 ? [] : [`    # Made of ${bases.map(comment).join(", ")}.`]),
    "    recipe: dockerfile",
    `    context: ${quote(context)}`,
    ...(dockerfile === "Dockerfile" ? [] : [`    dockerfile: ${quote(dockerfile)}`]),
    ...(target === undefined ? [] : [`    target: ${quote(target)}`]),
    ...(own.length === 0 ? [] : ["    args:", ...own.map(([key, value]) => `      ${quote(key)}: ${quote(value)}`)]),
    ...(repository === undefined || repository === name || !isRepository(repository)
      ? []
      : [`    repository: ${repository}`]),
  ];
}

function otherLines(others: Findings["others"], alone: boolean): string[] {
  if (others.length === 0) return alone ? ["  # app: { recipe: dockerfile, context: . }"] : [];
  const lead = alone
    ? "  # Images of others that run here: mirrored by digest, and patched where their owners lag."
    : "  # Images of others that run here; to mirror them by digest, and patch them where their owners lag:";
  const taken = new Set<string>();
  return [
    lead,
    ...others.flatMap(({ reference, where }) => {
      const name =
        reference
          .replace(/:[^:/]+$/, "")
          .split("/")
          .at(-1)
          ?.toLowerCase() ?? "image";
      if (taken.has(name)) return [];
      taken.add(name);
      return [`  ${alone ? "" : "# "}${name}: { recipe: upstream, from: ${quote(reference)} } # ${comment(where)}`];
    }),
  ];
}

/** Releases of Debian that images stand on, by the names of their bases. */
function codenamesOf(images: readonly FoundImage[]): string[] {
  const bases = images.flatMap((image) => image.bases);
  const releases = { bookworm: /bookworm|debian:?12/, trixie: /trixie|debian:?13/ };
  const found = Object.entries(releases).flatMap(([name, pattern]) =>
    bases.some((base) => pattern.test(base)) ? [name] : [],
  );
  return found.length === 0 ? ["bookworm"] : found;
}

function deploymentLines(
  compose: Findings["compose"],
  manifests: Findings["manifests"],
  remote: string | undefined,
  branch: string | undefined,
): string[] {
  if (compose.length + manifests.length === 0) return [];
  const images = [...new Set(manifests.flatMap((one) => one.images))];
  return [
    "# To have what runs follow what production names: compose with no request lost, manifests by a commit each.",
    "# deployments:",
    ...compose.flatMap(({ path, services }, index) => [
      `#   compose${index === 0 ? "" : `-${index + 1}`}:`,
      "#     environment: production",
      `#     compose: { file: ${quote(path)}, services: { ${Object.entries(services)
        .map(([image, service]) => `${image}: ${quote(service)}`)
        .join(", ")} } }`,
    ]),
    ...(manifests.length === 0
      ? []
      : [
          "#   manifests:",
          "#     environment: production",
          `#     images: [${images.join(", ")}]`,
          "#     gitops:",
          `#       url: ${quote(remote ?? "https://git.example/team/deploy.git")}`,
          `#       branch: ${quote(branch ?? "main")}`,
          `#       files: [${manifests.map(({ path }) => quote(path)).join(", ")}]`,
        ]),
    "",
  ];
}

function pipelineLines(
  pipelines: Findings["pipelines"],
  remote: string | undefined,
  branch: string | undefined,
): string[] {
  if (pipelines.length === 0) return [];
  const by = pipelines.find((one) => one.by !== "other")?.by ?? "generic";
  return [
    `# ${pipelines.map(({ path }) => comment(path)).join(", ")} ${pipelines.length === 1 ? "builds" : "build"} images too. To be told of pushes at once (docs/webhooks.md):`,
    `# webhooks: { ci: { from: ${by}, secret: "\${TIDEMILL_WEBHOOK_SECRET}" } }`,
    "# Before it deploys, a pipeline may ask: tidemill gate IMAGE -e production",
    ...externalLines(pipelines, remote, branch),
    "",
  ];
}

/** How an image is left to the pipeline that builds it. */
function externalLines(
  pipelines: Findings["pipelines"],
  remote: string | undefined,
  branch: string | undefined,
): string[] {
  const found = pipelines.find(({ by }) => by !== "other");
  if (found === undefined || found.by === "other") return [];
  const place = addressOfForge(found.by, remote ?? "");
  const repository = quote(place?.repository ?? "team/app");
  const ref = quote(branch ?? "main");
  const api = place === undefined || isPublic(place.api) ? "" : `, api: ${quote(place.api)}`;
  const pipeline =
    found.by === "github"
      ? `github: { repository: ${repository}, workflow: ${quote(found.path.split("/").at(-1) ?? "")}, ref: ${ref}${api}, token: "\${GITHUB_TOKEN}" }`
      : `gitlab: { project: ${repository}, ref: ${ref}${api}, token: "\${GITLAB_TOKEN}" }`;
  return [
    "# Or it goes on building, and Tidemill says when and takes what comes of it (docs/external.md):",
    `# \`app: { recipe: external, pipeline: { ${pipeline} } }\` below \`images:\`.`,
  ];
}

function isPublic(api: string): boolean {
  return api === "https://api.github.com" || api === "https://gitlab.com/api/v4";
}

function isRepository(text: string): boolean {
  return /^[a-z0-9]+(?:(?:[._]|__|-+|\/)[a-z0-9]+)*$/.test(text) && text.length <= 200;
}

/** A YAML scalar: plain where nobody could take it for anything else. */
function quote(text: string): string {
  return /^[A-Za-z./][A-Za-z0-9._/-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : JSON.stringify(text);
}

function comment(text: string): string {
  return printable(text).replaceAll(/\s+/g, " ").slice(0, 300);
}
