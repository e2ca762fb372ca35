import type { Operations } from "../operation/index.ts";
import { UsageError } from "./usage-error.ts";

/** What runs of an image, as the fleet knows it. */
export interface Production {
  readonly image: string;
  readonly environment: string;
  /** What to pull; undefined where nothing runs there yet. */
  readonly reference: string | undefined;
}

export interface ProductionQuestion {
  readonly subject: string;
  /** Without it: the image with the subject's repository, in whatever registry. */
  readonly image: string | undefined;
  /** Without it: the last one. */
  readonly environment: string | undefined;
}

/** What runs of the image that `subject` is one of; undefined where the fleet has none. Throws BAD_USAGE for a name that it does not have, and what asking throws. */
export async function findProduction(
  operations: Pick<Operations, "status" | "gate">,
  { subject, image: named, environment }: ProductionQuestion,
): Promise<Production | undefined> {
  const { images } = await operations.status({});
  const repository = repositoryIn(subject);
  const image = images.find((one) => (named === undefined ? one.repository === repository : one.name === named));
  if (image === undefined) {
    if (named === undefined) return undefined;
    throw new UsageError("BAD_USAGE", `--image ${named}: the fleet has no such image`, {
      hint: "`tidemill status` names them.",
    });
  }
  const place = environment ?? image.environments.at(-1)?.name;
  if (place === undefined) return undefined;
  if (!image.environments.some(({ name }) => name === place))
    throw new UsageError("BAD_USAGE", `--environment ${place}: ${image.name} has none of that name`, {
      hint: `It has ${image.environments.map(({ name }) => name).join(", ")}.`,
    });
  const { reference } = await operations.gate({ image: image.name, environment: place });
  return { image: image.name, environment: place, reference: reference ?? undefined };
}

/** The repository of a reference without its registry: pipelines push to another one than the fleet, or reach it by another name. */
function repositoryIn(subject: string): string {
  const [first = "", ...rest] = withoutVersion(subject).split("/");
  return /[.:]|^localhost$/.test(first) && rest.length > 0 ? rest.join("/") : [first, ...rest].join("/");
}

/** A reference without what changes from build to build; a path as it is. */
export function withoutVersion(subject: string): string {
  if (/^[./]/.test(subject)) return subject;
  return subject
    .replace(/^docker:(?:\/\/)?/, "")
    .replace(/@sha256:[0-9a-f]+$/, "")
    .replace(/:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/, "");
}
