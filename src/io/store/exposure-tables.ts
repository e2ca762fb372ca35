import type { Generated } from "kysely";
import type { Digest, Instant } from "../../lib/index.ts";
import type { ExposureEnd, Framework, Milestone, SeverityLevel } from "../../core/exposure/index.ts";
import type { EnvironmentName, ImageName, RebuildState } from "../../core/plan/index.ts";
import type { Json, MaybeTime, Time } from "./columns.ts";

/** Tables of what environments were exposed to. */
export interface ExposureTables {
  exposure: {
    image: ImageName;
    environment: EnvironmentName;
    advisory: string;
    life: number;
    turn: number;
    severity: SeverityLevel;
    aliases: Json<readonly string[]>;
    published: MaybeTime;
    fixAvailable: MaybeTime;
    detected: Time;
    built: MaybeTime;
    verified: MaybeTime;
    promoted: MaybeTime;
    deployed: MaybeTime;
    closed: MaybeTime;
    endKind: ExposureEnd | null;
    digest: Digest | null;
    sources: Json<Readonly<Partial<Record<Milestone, string>>>>;
    exploitedSince: MaybeTime;
    kevDue: MaybeTime;
    labels: Json<Readonly<Record<string, string>>>;
    due: Json<Readonly<Partial<Record<Framework, Instant>>>>;
    dueAt: MaybeTime;
    dueRule: string | null;
    warnAt: MaybeTime;
  };
  exposureRebuild: {
    rebuild: string;
    image: ImageName;
    state: RebuildState;
    finished: Time;
    labels: Json<Readonly<Record<string, string>>>;
    closed: number;
  };
  exposureDay: {
    day: string;
    environment: string;
    labels: string;
    /** How many more were opened than closed. */
    grown: number;
    counts: Json<Readonly<Record<string, number>>>;
    fix: number[];
    exposed: number[];
  };
  exposureDue: { id: Generated<number>; image: ImageName | null; package: number | null; inventory: string | null };
}
