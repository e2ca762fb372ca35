import type { Digest } from "../lib/index.ts";
import type { AdvisoryRef, PackageChangeView } from "./shapes.ts";

/** What `--json` of the quickstart prints: exactly these keys. */
export interface QuickstartCounts {
  readonly images: number;
  /** Day-0 builds. */
  readonly built: number;
  /** Day-1 rebuilds that reached production. */
  readonly rebuilt: number;
  /** Images whose production digest is the same after day 1. */
  readonly unchanged: number;
  /** Images in cool-down or on hold. */
  readonly held: number;
  readonly failed: number;
  readonly rolledBack: number;
  /** CVE ids that feeds or changelogs name among what day 1 brought. */
  readonly cvesClosed: number;
  /** The longest over the images, from "fix seen" to "in production"; null where nothing was rebuilt. */
  readonly secondsFixToProduction: number | null;
}

/** What day 1 did to one image. */
export interface QuickstartRow {
  readonly image: string;
  readonly from: Digest | null;
  readonly to: Digest | null;
  readonly outcome: "rebuilt" | "unchanged" | "held" | "failed" | "rolled-back";
  /** One line: why it was rebuilt, or why it was not touched. */
  readonly reason: string;
  readonly packages: readonly PackageChangeView[];
  readonly advisories: readonly AdvisoryRef[];
  readonly secondsFixToProduction: number | null;
}

/** All that the quickstart prints when day 1 is over. */
export interface QuickstartResult {
  readonly counts: QuickstartCounts;
  readonly rows: readonly QuickstartRow[];
  /** Said before the table, one paragraph each: `the point release left nothing to patch…`. */
  readonly notes: readonly string[];
  /** Alarms raised on the way, one line each. */
  readonly alarms: readonly string[];
  readonly bytesUploaded: number;
  /** What sending every layer of the rebuilt images anew would have taken. */
  readonly bytesFullRebuild: number;
  readonly seconds: { readonly day0: number; readonly day1: number };
  /** `127.0.0.1:5000/curl:production` of an image that was rebuilt, else of any. */
  readonly pullReference: string;
  /** Image to ask `tidemill why` about. */
  readonly explainImage: string;
  /** Address of the status page. */
  readonly statusPage: string;
  /** The promises that did not hold, one sentence each: empty is status 0. */
  readonly broken: readonly string[];
}
