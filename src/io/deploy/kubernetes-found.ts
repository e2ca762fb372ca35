import type { KubernetesConfig } from "../../core/config/index.ts";
import { printable } from "../../lib/index.ts";
import { TargetError } from "./error.ts";
import type { Found } from "./kubernetes-mark.ts";
import type { Workload } from "./kubernetes-workload.ts";
import type { Place } from "./types.ts";

/** Throws TargetError where what was found at a place is not what is meant: `all` workloads, and those of them that run the image. */
export function checkFound(
  { workloads, selector, namespaces, count }: KubernetesConfig,
  { image }: Place,
  repository: string,
  all: readonly Workload[],
  found: readonly Found[],
): void {
  const where = namespaces.join(", ");
  if (workloads !== undefined) {
    const isThere = new Set(all.map(({ kind, name }) => `${kind}/${name}`));
    const gone = workloads.filter((one) => !isThere.has(one));
    const [first] = gone;
    if (first !== undefined)
      throw new TargetError(
        "WORKLOAD_MISSING",
        `${gone.slice(0, 20).join(", ")}: there is no such workload in ${where}`,
        {
          hint: "It was deleted or renamed: name by `workloads:` what is there.",
        },
      );
  }
  if (all.length === 0)
    throw new TargetError("SELECTOR_EMPTY", `no workload in ${where} has the labels ${selector}`, {
      hint: "Look at `selector:` and `namespaces:`.",
    });
  if (found.length === 0) {
    const has = all.flatMap(({ title, containers }) =>
      containers.map((one) => `${printable(one.name)} of ${title} (${printable(one.image).slice(0, 200)})`),
    );
    throw new TargetError("CONTAINER_MISSING", `no container in ${where} is of ${repository}`, {
      hint: `There is ${has.slice(0, 10).join(", ")}. Name by \`containers:\` those that run ${image}.`,
    });
  }
  if (count !== undefined && found.length !== count)
    throw new TargetError(
      "WORKLOAD_COUNT",
      `${found.length} workloads run ${image}, not ${count}: ${found
        .slice(0, 20)
        .map(({ title }) => title)
        .join(", ")}`,
      { hint: "Look at `selector:` and `count:`; nothing was changed." },
    );
}
