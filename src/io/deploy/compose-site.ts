import { mkdir, readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type Dockerode from "dockerode";
import type { ComposeConfig } from "../../core/config/index.ts";
import { checkComposeFile, type ComposeFile } from "../../core/deploy/index.ts";
import { messageOf, runCompose, writeFileDurable, type Digest } from "../../lib/index.ts";
import { labels, listContainers, type ServiceContainer } from "./compose-containers.ts";
import type { DeployMeans, DeployWorld, Place } from "./types.ts";

/** Which image a service is to run, and the attempt that its containers are known by. */
export interface Pin {
  readonly reference: string;
  readonly digest: Digest;
  readonly attempt: string;
  readonly fence: number;
}

/** One service of a project, its file read and its daemon at hand. */
export interface ComposeSite {
  readonly docker: Dockerode;
  readonly service: string;
  readonly project: string;
  readonly list: () => Promise<ServiceContainer[]>;
  /** Pins the image in the override file of ours. */
  readonly pin: (pin: Pin) => Promise<void>;
  /** Runs Compose with both files; why it did not do it, as a sentence, or undefined. */
  readonly run: (
    args: readonly string[],
    means: Pick<DeployMeans, "deadlineMs" | "signal">,
  ) => Promise<string | undefined>;
}

export interface Unusable {
  readonly kind: "unreachable";
  readonly reason: string;
}

/** What is left for a program when the deadline is near. */
const leastMs = 5_000;

/** Looks at the compose file; an answer where it cannot be used. */
export async function openSite(
  docker: Dockerode,
  config: ComposeConfig,
  { home, stateDir }: Pick<DeployWorld, "home" | "stateDir">,
  place: Place,
): Promise<ComposeSite | Unusable> {
  const file = resolve(home, config.file);
  const folder = dirname(file);
  const service = config.services[place.image] ?? place.image;
  const read = await readCompose(config, file, { [place.image]: service });
  if (typeof read === "string") return { kind: "unreachable", reason: `${config.file}: ${read}` };
  const project = config.project ?? projectName(read.name ?? basename(folder));
  const pinPath = join(stateDir, place.deployment, `${place.image}.yml`);
  const base = ["-f", file, "-f", pinPath, "-p", project, "--project-directory", folder];
  return {
    docker,
    service,
    project,
    list: () => listContainers(docker, project, service),
    pin: async (pin) => {
      await mkdir(dirname(pinPath), { recursive: true });
      await writeFileDurable(pinPath, pinText(service, read.version, { ...pin, deployment: place.deployment }));
    },
    run: (args, { deadlineMs, signal }) =>
      runCompose(folder, [...base, ...args], Math.max(leastMs, deadlineMs), signal),
  };
}

async function readCompose(
  config: ComposeConfig,
  path: string,
  services: Readonly<Record<string, string>>,
): Promise<ComposeFile | string> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    return messageOf(error);
  }
  const read = checkComposeFile(text, { services, order: config.order, hasSteady: config.steady !== undefined });
  const [problem] = read.problems;
  if (problem === undefined) return read;
  return problem.hint === undefined ? problem.message : `${problem.message}. ${problem.hint}`;
}

/** JSON is YAML: nothing in it has to be quoted by us, but for the `$` of variables. Compose v1 wants every file to be of one version. */
function pinText(service: string, version: string | undefined, pin: Pin & { readonly deployment: string }): string {
  const own = {
    [labels.deployment]: pin.deployment,
    [labels.attempt]: pin.attempt,
    [labels.digest]: pin.digest,
    [labels.fence]: `${pin.fence}`,
  };
  const pinned = {
    ...(version === undefined ? {} : { version }),
    services: { [service]: { image: pin.reference, labels: own } },
  };
  return `# Written by Tidemill at every deployment: what is changed here is lost.\n${JSON.stringify(pinned, null, 2)}\n`;
}

/** As Compose makes it of a folder's name. */
function projectName(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^-_a-z0-9]/g, "")
    .replace(/^[-_]+/, "");
}
