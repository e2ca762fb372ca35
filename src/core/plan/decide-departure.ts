import type { Digest } from "../../lib/index.ts";
import type { ImageName } from "./types.ts";

/** Another image of a train, as a candidate that is ready to move looks at it. */
export interface Mate {
  readonly image: ImageName;
  /** Its rebuilds that have not ended: whether each could move now, but for the train, or has moved. */
  readonly underWay: readonly {
    readonly id: string;
    readonly candidate: Digest | null;
    readonly stands: "ready" | "there" | "behind";
  }[];
  /** Its newest rebuild came as far as this environment, and failed there. */
  readonly fell: boolean;
}

/** Who moves together. */
export interface TrainDeparture {
  readonly name: string;
  /** Digests that the others move to, by image. */
  readonly mates: Readonly<Record<ImageName, Digest>>;
}

export type Departure =
  | { readonly kind: "waits"; readonly missing: readonly ImageName[] }
  /** `waiting`: rebuilds of the others that are to be looked at now. */
  | { readonly kind: "departs"; readonly mates: TrainDeparture["mates"]; readonly waiting: readonly string[] };

/**
 * Whether a train may depart: when every other image that has a rebuild under way has one that is ready, or has moved. One that failed where the train goes stops it until it has another rebuild.
 */
export function decideDeparture(mates: readonly Mate[]): Departure {
  const missing: ImageName[] = [];
  const digests: Record<ImageName, Digest> = {};
  const waiting: string[] = [];
  for (const { image, underWay, fell } of mates) {
    const good = underWay.find(({ stands }) => stands !== "behind");
    if (good?.candidate !== undefined && good.candidate !== null) {
      digests[image] = good.candidate;
      if (good.stands === "ready") waiting.push(good.id);
    } else if (underWay.length > 0 || fell) missing.push(image);
  }
  return missing.length > 0 ? { kind: "waits", missing } : { kind: "departs", mates: digests, waiting };
}

/** What became of one of those that were to move together. */
export interface MateFate {
  /** It was confirmed in the environment. */
  readonly arrived: boolean;
  /** It was taken back from there by us since. */
  readonly takenBack: boolean;
  /** It can no longer be confirmed: its rebuild failed, or somebody else moved the tag. */
  readonly failed: boolean;
}

/** Whether those that moved have to go back: one that was to come with them did not arrive, or was taken back. */
export function isTrainBroken(fates: readonly MateFate[]): boolean {
  return fates.some(({ arrived, takenBack, failed }) => (arrived ? takenBack : failed));
}
