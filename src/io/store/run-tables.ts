import type { RunState } from "../../core/external/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Json, MaybeTime, Time } from "./columns.ts";

/** Of the pipelines that build images. */
export interface RunTables {
  externalRun: {
    id: string;
    rebuild: string;
    attempt: number;
    name: string;
    place: string;
    noCache: boolean;
    bases: Json<Readonly<Record<string, Digest>>>;
    state: RunState;
    token: string | null;
    tokenHash: string | null;
    run: string | null;
    url: string | null;
    digest: Digest | null;
    reason: string | null;
    askedAt: Time;
    triedAt: MaybeTime;
    succeededAt: MaybeTime;
    lookAt: Time;
    closedAt: MaybeTime;
  };
}
