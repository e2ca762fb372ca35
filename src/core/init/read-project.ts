import { basename, dirname, join } from "node:path/posix";
import { messageOf } from "../../lib/index.ts";
import { parseDockerfile } from "../dockerfile/index.ts";
import { parseReference } from "../image/index.ts";
import { createLocate, readYaml } from "../manifest/index.ts";
import type { Findings, FoundCompose, FoundImage, Project, ProjectFile } from "./types.ts";

type Node = Readonly<Record<string, unknown>>;

/** A service of a compose file that is built here. */
interface ComposeBuild {
  readonly file: string;
  readonly service: string;
  readonly context: string;
  readonly dockerfile: string;
  readonly target: string | undefined;
  readonly args: Readonly<Record<string, string>>;
  readonly image: string | undefined;
}

const workloads = new Set(["Deployment", "StatefulSet", "DaemonSet", "CronJob", "Job", "Pod"]);

/**
 * What a project builds and runs, as far as its Dockerfiles, compose files (Compose Specification, `services`), Kubernetes manifests and pipelines say. Nothing is thrown for a file that cannot be read: it
 * is named in `problems`.
 */
export function readProject(project: Project): Findings {
  const problems = [...project.problems];
  const services: ComposeBuild[] = [];
  const run: { reference: string; where: string; service?: string }[] = [];
  const manifests = new Map<string, string[]>();
  const pipelines: { path: string; by: "github" | "gitlab" | "other" }[] = [];
  for (const file of project.yaml) {
    const by = pipelineOf(file);
    if (by !== undefined) {
      if (buildsImages(file.text)) pipelines.push({ path: file.path, by });
      continue;
    }
    for (const document of documentsOf(file, problems)) {
      if (isNode(document["services"])) readCompose(file.path, document["services"], services, run);
      else if (workloads.has(textOf(document["kind"]) ?? ""))
        manifests.set(file.path, [...(manifests.get(file.path) ?? []), ...imagesIn(document)]);
    }
  }
  const images = findImages(project, services, problems);
  const ownOf = (reference: string): FoundImage | undefined =>
    images.find((image) => (image.repository ?? image.name) === repositoryOf(reference));
  for (const [path, references] of manifests) for (const reference of references) run.push({ reference, where: path });
  const others = new Map<string, { reference: string; where: string }>();
  for (const { reference, where } of run) {
    const bare = reference.replace(/@sha256:[0-9a-f]{64}$/, "");
    if (ownOf(bare) === undefined && isPlain(bare) && !others.has(bare)) others.set(bare, { reference: bare, where });
  }
  return {
    images,
    others: [...others.values()],
    compose: composeOf(services, images),
    manifests: [...manifests].flatMap(([path, references]) => {
      const own = [...new Set(references.flatMap((reference) => ownOf(reference)?.name ?? []))];
      return own.length === 0 ? [] : [{ path, images: own }];
    }),
    pipelines,
    problems,
  };
}

function findImages(project: Project, services: readonly ComposeBuild[], problems: string[]): FoundImage[] {
  const images: FoundImage[] = [];
  const taken = new Set<string>();
  const add = (name: string, rest: Omit<FoundImage, "name" | "bases">, file: ProjectFile): void => {
    try {
      const parsed = parseDockerfile(file.text, {
        ...(rest.target === undefined ? {} : { target: rest.target }),
        args: rest.args,
      });
      const bases = [
        ...new Set(parsed.images.filter(({ needed, kind }) => needed && kind !== "syntax").map((use) => use.name)),
      ];
      images.push({ ...rest, name: freeName(name, taken), bases });
    } catch (error) {
      problems.push(`${file.path}: ${messageOf(error)}`);
    }
  };
  const byPath = new Map(project.dockerfiles.map((file) => [file.path, file]));
  const seen = new Set<string>();
  for (const { service, image, context, dockerfile, target, args, file: from } of services) {
    const path = join(context, dockerfile);
    const file = byPath.get(path);
    if (file === undefined) {
      problems.push(`${from}: ${service} is built from ${path}, which is not there`);
      continue;
    }
    const key = `${path}\0${target ?? ""}`;
    if (seen.has(key)) continue;
    seen.add(key).add(path);
    const repository = image === undefined ? undefined : repositoryOf(image);
    add(service, { context, dockerfile, target, args, repository }, file);
  }
  for (const file of project.dockerfiles) {
    if (seen.has(file.path)) continue;
    const context = contextOf(file, project.paths);
    const dockerfile = context === "." ? file.path : file.path.slice(context.length + 1);
    add(
      nameOf(file.path, project.name),
      { context, dockerfile, target: undefined, args: {}, repository: undefined },
      file,
    );
  }
  return images;
}

/** The folder in which most of what a Dockerfile copies is there: its own, or the top. */
function contextOf(file: ProjectFile, paths: ReadonlySet<string>): string {
  const own = dirname(file.path);
  if (own === ".") return ".";
  const sources = [...file.text.matchAll(/^\s*(?:COPY|ADD)\s+(?!.*--from=)((?:--\S+\s+)*)(.+)$/gim)]
    .flatMap(([, , words = ""]) => words.trim().split(/\s+/).slice(0, -1))
    .filter((source) => /^[\w./-]+$/.test(source) && !/^\.?\/?$/.test(source))
    .slice(0, 100);
  const there = (folder: string): number =>
    sources.filter((source) => {
      const path = join(folder, source.replace(/\/+$/, ""));
      return paths.has(path) || [...paths].some((one) => one.startsWith(`${path}/`));
    }).length;
  return there(".") > there(own) ? "." : own;
}

function readCompose(
  path: string,
  services: Node,
  built: ComposeBuild[],
  run: { reference: string; where: string }[],
): void {
  const folder = dirname(path);
  for (const [service, said] of Object.entries(services).slice(0, 500)) {
    if (!isNode(said)) continue;
    const image = textOf(said["image"]);
    const build = typeof said["build"] === "string" ? { context: said["build"] } : said["build"];
    if (!isNode(build)) {
      if (image !== undefined) run.push({ reference: image, where: `${service} of ${path}` });
      continue;
    }
    const context = join(folder, textOf(build["context"]) ?? ".").replace(/(?<=.)\/$/, "");
    if (context.startsWith("..") || context.includes(":")) continue;
    const args = isNode(build["args"])
      ? Object.fromEntries(
          Object.entries(build["args"]).flatMap(([name, value]) =>
            /^[A-Za-z_]\w*$/.test(name) && isPlainValue(value) ? [[name, value]] : [],
          ),
        )
      : {};
    const dockerfile = (textOf(build["dockerfile"]) ?? "Dockerfile").replace(/^\.\//, "");
    built.push({ file: path, service, context, dockerfile, target: textOf(build["target"]), args, image });
  }
}

function composeOf(services: readonly ComposeBuild[], images: readonly FoundImage[]): FoundCompose[] {
  const files = new Map<string, Record<string, string>>();
  for (const { file, service, context, dockerfile, target } of services) {
    const image = images.find(
      (one) => one.context === context && one.dockerfile === dockerfile && one.target === target,
    );
    if (image !== undefined) files.set(file, { [image.name]: service, ...files.get(file) });
  }
  return [...files].map(([path, ofFile]) => ({ path, services: ofFile }));
}

/** Every `image:` of a manifest's containers. */
function imagesIn(document: unknown, depth = 0): string[] {
  if (depth > 32 || typeof document !== "object" || document === null) return [];
  if (Array.isArray(document)) return document.flatMap((one) => imagesIn(one, depth + 1));
  return Object.entries(document).flatMap(([key, value]) =>
    key === "image" && typeof value === "string" ? [value] : imagesIn(value, depth + 1),
  );
}

function documentsOf(file: ProjectFile, problems: string[]): Node[] {
  // Templates are no YAML before they are filled in.
  if (file.text.includes("{{")) return [];
  try {
    const { documents } = readYaml(file.path, file.text, createLocate(file.text));
    return documents.flatMap((document) => {
      const value: unknown = document.toJS({ maxAliasCount: 100 });
      return isNode(value) ? [value] : [];
    });
  } catch (error) {
    problems.push(messageOf(error));
    return [];
  }
}

function pipelineOf({ path }: ProjectFile): "github" | "gitlab" | "other" | undefined {
  if (/^\.github\/workflows\/[^/]+$/.test(path)) return "github";
  if (/^\.gitlab-ci\.ya?ml$|^\.gitlab\/ci\//.test(path)) return "gitlab";
  return /^(?:\.circleci\/|\.woodpecker|\.drone\.|azure-pipelines|bitbucket-pipelines|\.tekton\/)/.test(path)
    ? "other"
    : undefined;
}

function buildsImages(text: string): boolean {
  return /docker\/build-push-action|\b(?:docker|podman|buildah)\s+(?:buildx\s+)?(?:build|bud|push)\b|kaniko|\bbuildctl\b/.test(
    text,
  );
}

/** A name for an image of a Dockerfile that no service names: of its suffix or prefix, else of its folder. */
function nameOf(path: string, project: string): string {
  const file = basename(path);
  const suffix =
    /^(?:Dockerfile|Containerfile)\.(.+)$/.exec(file)?.[1] ?? /^(.+)\.(?:Dockerfile|Containerfile)$/i.exec(file)?.[1];
  if (suffix !== undefined) return suffix;
  const folder = dirname(path);
  return folder === "." ? project : basename(folder);
}

/** A name as the configuration takes it, with a number behind it where it is taken. */
function freeName(wanted: string, taken: Set<string>): string {
  const made = wanted
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "")
    .slice(0, 90);
  const plain = made === "" || made === "constructor" ? "image" : made;
  let name = plain;
  for (let count = 2; taken.has(name); count += 1) name = `${plain}-${count}`;
  taken.add(name);
  return name;
}

/** `team/app` of `registry.example:5000/team/app:1.2`; undefined where it is no reference. */
function repositoryOf(reference: string): string | undefined {
  try {
    return parseReference(reference).repository.replace(/^library\//, "");
  } catch {
    return undefined;
  }
}

function isPlain(reference: string): boolean {
  return reference.length <= 300 && /^[A-Za-z0-9][A-Za-z0-9._:@/+-]*$/.test(reference);
}

function isPlainValue(value: unknown): value is string {
  return typeof value === "string" && value.length <= 1000 && !value.includes("${");
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
