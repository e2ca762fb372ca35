import { z } from "zod";
import type { GitopsConfig } from "../../core/config/index.ts";
import type { Observed } from "../../core/deploy/index.ts";
import { askJson, isDigest, printable, type Digest, type JsonAnswer } from "../../lib/index.ts";
import { askFlux, type FluxConfig } from "./flux.ts";
import { readRunning } from "./read-running.ts";
import type { Place, TargetCluster } from "./types.ts";

type LiveConfig = NonNullable<GitopsConfig["live"]>;

const application = z.looseObject({
  status: z.looseObject({
    health: z.looseObject({ status: z.string() }).optional(),
    sync: z.looseObject({ status: z.string() }).optional(),
    summary: z.looseObject({ images: z.array(z.string().max(2000)).max(10_000).optional() }).optional(),
  }),
});
const largestApplication = 16 * 1_048_576;

export interface LiveWorld {
  /** Of the image, as the system names it. */
  readonly repository: string;
  /** The cluster in which Flux works. */
  readonly cluster: (access: FluxConfig) => Pick<TargetCluster, "read" | "list">;
}

/** What a system that follows a repository runs by its own word: an address that answers as webhooks do, an application of Argo CD, which has to be healthy, or what Flux applied. Only an abort throws. */
export async function askLive(
  live: LiveConfig,
  place: Place,
  { repository, cluster }: LiveWorld,
  signal: AbortSignal,
): Promise<Observed> {
  const fill = (text: string): string => text.replaceAll("{image}", encodeURIComponent(place.image));
  if ("url" in live) {
    const answer = await askJson({ url: fill(live.url), method: "GET", headers: live.headers }, signal);
    return judge(answer, readRunning);
  }
  if ("flux" in live) return askFlux(live.flux, cluster(live.flux), { repository, fill }, signal);
  const { url, token } = live.argocd;
  const at = `${url}/api/v1/applications/${fill(live.argocd.application)}`;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const answer = await askJson({ url: at, method: "GET", headers, maxBytes: largestApplication }, signal);
  return judge(answer, (json) => readApplication(json, repository));
}

function judge(answer: JsonAnswer, read: (json: unknown) => Observed): Observed {
  if (answer.kind !== "answered") return { kind: "unknown", reason: `what follows does not answer: ${answer.reason}` };
  if (answer.status !== 200) return { kind: "unknown", reason: `what follows answered ${answer.status}` };
  return read(answer.json);
}

/** The digests of the images that live objects have. Argo CD, ApplicationStatus. */
function readApplication(json: unknown, repository: string): Observed {
  const parsed = application.safeParse(json);
  if (!parsed.success) return { kind: "unknown", reason: "its answer is no application of Argo CD" };
  const { health, summary } = parsed.data.status;
  if (health?.status !== "Healthy")
    return {
      kind: "unknown",
      reason: `Argo CD says that the application is ${printable(health?.status ?? "of unknown health").slice(0, 50)}`,
    };
  const own = (summary?.images ?? []).filter((image) => nameOf(image) === repository);
  if (own.length === 0) return { kind: "absent", reason: `Argo CD names no image of ${repository}` };
  const digests = own.map((image) => image.split("@")[1] ?? "").filter(isDigest);
  if (digests.length < own.length) return { kind: "unknown", reason: `Argo CD names ${repository} without a digest` };
  return { kind: "running", digests: [...new Set<Digest>(digests)] };
}

/** The repository of a reference: neither tag nor digest. */
function nameOf(image: string): string {
  return (image.split("@")[0] ?? "").replace(/:[^/:]*$/, "");
}

/** What runs by the branch and by what follows it: a person's revert is seen on the branch at once, and what is not there yet is not taken for running. */
export function bothRun(branch: Observed, live: Observed): Observed {
  if (branch.kind !== "running") return branch;
  if (live.kind !== "running") return live;
  return { kind: "running", digests: [...new Set([...branch.digests, ...live.digests])] };
}
