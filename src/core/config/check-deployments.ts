import { suggest } from "./explain-issue.ts";
import type { Mistake } from "./mistake.ts";
import type { Config } from "./schema.ts";

/** The images that a deployment is of. */
export function imagesOf(config: Pick<Config, "images" | "deployments">, name: string): readonly string[] {
  const deployment = config.deployments[name];
  if (deployment === undefined) return [];
  const named = deployment.compose === undefined ? deployment.images : Object.keys(deployment.compose.services);
  return [...new Set(named ?? Object.keys(config.images))].filter((image) => config.images[image] !== undefined);
}

/** The deployments by which what an environment names of an image comes to run. */
export function deploymentsOf(
  config: Pick<Config, "images" | "deployments">,
  image: string,
  environment: string,
): readonly string[] {
  return Object.entries(config.deployments).flatMap(([name, deployment]) =>
    deployment.environment === environment && imagesOf(config, name).includes(image) ? [name] : [],
  );
}

/** Deployments of environments and images that there are. */
export function checkDeployments(config: Config): Mistake[] {
  const environments = config.environments.map(({ name }) => name);
  const images = Object.keys(config.images);
  const tags = ownTags(config);
  const files = new Map<string, string>();
  const workloads = new Map<string, string>();
  return Object.entries(config.deployments).flatMap(([name, deployment]): Mistake[] => {
    const at = ["deployments", name];
    const mistakes: Mistake[] = [];
    if (!environments.includes(deployment.environment))
      mistakes.push(unknown([...at, "environment"], "environment", deployment.environment, environments));
    for (const [index, image] of (deployment.images ?? []).entries())
      if (!images.includes(image)) mistakes.push(unknown([...at, "images", index], "image", image, images));
    if (deployment.compose !== undefined) mistakes.push(...checkServices(deployment.compose.services, at, images));
    if (deployment.tag !== undefined) mistakes.push(...checkTag(name, imagesOf(config, name), deployment, tags));
    if (deployment.gitops !== undefined) mistakes.push(...checkFiles(name, imagesOf(config, name), deployment, files));
    if (deployment.kubernetes !== undefined)
      mistakes.push(...checkWorkloads(name, imagesOf(config, name), deployment, workloads));
    return mistakes;
  });
}

/** Each service runs one image that there is. */
function checkServices(
  services: Readonly<Record<string, string>>,
  at: readonly (string | number)[],
  images: readonly string[],
): Mistake[] {
  const seen = new Map<string, string>();
  return Object.entries(services).flatMap(([image, service]): Mistake[] => {
    const path = [...at, "compose", "services", image];
    if (!images.includes(image)) return [unknown(path, "image", image, images)];
    const other = seen.get(service);
    seen.set(service, image);
    return other === undefined ? [] : [{ path, message: `the service ${service} runs ${other} already` }];
  });
}

/** The tags that environments are, where the registry has a name. */
function ownTags({ registry, images, environments }: Config): Map<string, string> {
  const { url } = registry;
  if (url === undefined) return new Map();
  return new Map(
    Object.entries(images).flatMap(([name, { repository = name }]) =>
      environments.map((environment): [string, string] => [
        `${url}/${repository}:${environment.name}`,
        `the promotion to ${environment.name}`,
      ]),
    ),
  );
}

/** No two of us move one tag. `tags`: who moves each that was seen. */
function checkTag(
  name: string,
  images: readonly string[],
  { tag, environment }: Config["deployments"][string],
  tags: Map<string, string>,
): Mistake[] {
  if (tag === undefined) return [];
  const at = ["deployments", name, "tag"];
  if (images.length > 1 && !tag.to.includes("{image}"))
    return [
      {
        path: [...at, "to"],
        message: `${images.length} images would share one tag`,
        hint: "Let the repository hold `{image}`, or name one image below `images:`.",
      },
    ];
  return images.flatMap((image): Mistake[] => {
    const target = `${tag.to.replaceAll("{image}", image)}:${tag.tag ?? environment}`;
    const other = tags.get(target);
    if (other !== undefined) return [{ path: at, message: `${other} moves ${target} as well` }];
    tags.set(target, name);
    return [];
  });
}

/** No two of us write one image to one file. `files`: who writes each that was seen. */
function checkFiles(
  name: string,
  images: readonly string[],
  { gitops }: Config["deployments"][string],
  files: Map<string, string>,
): Mistake[] {
  return (gitops?.files ?? []).flatMap((file, index) =>
    images.flatMap((image): Mistake[] => {
      const keyOf = (path: string): string => JSON.stringify([gitops?.url, gitops?.branch, image, path]);
      // A file lies in each of the folders above it.
      const above = [...file.matchAll(/\//g)].map(({ index: at }) => file.slice(0, at + 1));
      const isBelow = (key: string): boolean => file.endsWith("/") && key.startsWith(keyOf(file).slice(0, -2));
      const other =
        [file, ...above].map((path) => files.get(keyOf(path))).find((one) => one !== undefined && one !== name) ??
        [...files].find(([key, one]) => one !== name && isBelow(key))?.[1];
      if (!files.has(keyOf(file))) files.set(keyOf(file), name);
      if (other === undefined) return [];
      const path = ["deployments", name, "gitops", "files", index];
      return [{ path, message: `${other} writes ${image} to ${file} as well` }];
    }),
  );
}

/** No two of us set one image at one workload. `seen`: who sets each. */
function checkWorkloads(
  name: string,
  images: readonly string[],
  { kubernetes }: Config["deployments"][string],
  seen: Map<string, string>,
): Mistake[] {
  if (kubernetes === undefined) return [];
  const { kubeconfig, context, namespaces, workloads = [], containers } = kubernetes;
  const strange = Object.keys(containers).filter((image) => !images.includes(image));
  const at = ["deployments", name, "kubernetes"];
  const twice = (workload: string, index: number): Mistake[] =>
    namespaces.flatMap((namespace) =>
      images.flatMap((image): Mistake[] => {
        const key = JSON.stringify([kubeconfig, context, namespace, workload, image]);
        const other = seen.get(key);
        seen.set(key, name);
        if (other === undefined) return [];
        const message = `${other} sets ${image} at ${workload} in ${namespace} as well`;
        return [{ path: [...at, "workloads", index], message }];
      }),
    );
  return [
    ...strange.map((image) => unknown([...at, "containers", image], "image", image, images)),
    ...workloads.flatMap(twice),
  ];
}

function unknown(path: Mistake["path"], what: string, name: string, known: readonly string[]): Mistake {
  return { path, message: `there is no ${what} "${name}"`, hint: suggest(name, known, "Known") };
}
