import type { CommitStatus } from "../reports/types.ts";

/** How far something is in one environment of a forge. */
export interface DeploymentNews {
  /** Which deployment it is, whatever becomes of it: by it one is found again whose answer was lost. */
  readonly key: string;
  readonly sha: string;
  /** Branch or tag that the commit was built by. */
  readonly ref: string;
  /** As the forge calls it: made there where it is new. */
  readonly environment: string;
  readonly state: "pending" | "success" | "failure" | "inactive";
  /** One line; what is too long is cut. */
  readonly description: string;
  /** How the forge calls it, where that is known. */
  readonly remote: string | undefined;
}

/** What becomes of the commits of a repository. Saying something twice is saying it once: it is looked first what stands there. Every call throws ForgeError. */
export interface ForgeNews {
  /** Says something of a commit, unless the newest word of that name is the same. */
  sayStatus(sha: string, status: CommitStatus, signal: AbortSignal): Promise<void>;
  /** Makes the deployment, or finds it, and says how far it is; resolves to how the forge calls it. Undefined where a forge has none. */
  sayDeployment: ((news: DeploymentNews, signal: AbortSignal) => Promise<string>) | undefined;
}
