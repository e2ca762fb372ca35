import type { Role } from "../core/access/index.ts";
import type { ForgePlace } from "../core/ci/index.ts";
import type { KeysRequest, KeysView } from "./keys.ts";
import type { Operations } from "./operations.ts";
import type { ProgressListener } from "./progress.ts";
import type { QuickstartResult } from "./quickstart.ts";

/** Where a command finds its fleet. */
export interface AppOptions {
  /** Path of `tidemill.yaml`. */
  readonly config?: string;
  /** Directory of the state. */
  readonly data?: string;
  /** Address of a server elsewhere that is asked. */
  readonly server?: string;
  /** For `check`, `diff` and `rebase` of any references: no configuration is needed and no directory is opened; what needs them answers UNSUPPORTED. */
  readonly stateless?: boolean;
  readonly onEvent?: ProgressListener;
  /** Aborted when the user wants to stop: work is left where it can be resumed. */
  readonly signal?: AbortSignal;
}

/** A way to ask: through the server that holds the directory, else with the directory opened in this process. */
export interface Connection {
  readonly operations: Operations;
  /** Whether a server works at the fleet; else only what is asked is done. */
  readonly served: boolean;
  close(): Promise<void>;
}

export interface StartOptions extends AppOptions {
  /** Address and port to listen on, `127.0.0.1:0` for any port. */
  readonly listen?: string;
}

/** A server that goes on until it is closed. */
export interface RunningApp {
  /** Address of the status page and API. */
  readonly statusPage: string;
  /** `host:port` of the embedded registry. */
  readonly registry: string;
  /** Settles when the server has stopped; rejects where it stopped by a failure. */
  readonly stopped: Promise<void>;
  close(): Promise<void>;
}

export interface QuickstartOptions extends AppOptions {
  readonly listen?: string;
  /** Run day 1 again from what is cached. */
  readonly replay?: boolean;
  /** Plant an update that breaks. */
  readonly withFailure?: boolean;
}

/** A finished quickstart whose server goes on. */
export interface RunningQuickstart extends RunningApp {
  readonly result: QuickstartResult;
}

export interface InitRequest {
  readonly folder: string;
  /** Whether it is written; else only made. */
  readonly write: boolean;
}

/** A configuration that was made for what stands in a folder. */
export interface InitView {
  readonly path: string;
  readonly text: string;
  readonly written: boolean;
  /** Names of images that are built there. */
  readonly images: readonly string[];
  /** Images of others that run there. */
  readonly others: readonly string[];
  /** What could not be read, one sentence each. */
  readonly problems: readonly string[];
}

export interface LoginRequest {
  readonly server: string;
  readonly token: string;
  /** Path of a PEM file. */
  readonly ca?: string;
}

/** Who a server takes the caller for. */
export interface LoginView {
  readonly server: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly labels: readonly string[];
  /** Of the server. */
  readonly version: string;
}

/** Something that a pipeline says at a forge. */
export interface ForgeReportRequest {
  readonly place: ForgePlace;
  readonly token: string;
  readonly say:
    | { readonly kind: "comment"; readonly pull: number; readonly marker: string; readonly body: string }
    | {
        readonly kind: "status";
        readonly sha: string;
        readonly state: "success" | "failure";
        readonly context: string;
        readonly description: string;
        readonly url?: string;
      }
    | {
        readonly kind: "check";
        readonly sha: string;
        readonly state: "success" | "failure";
        readonly name: string;
        readonly title: string;
        readonly summary: string;
        readonly url?: string;
      };
  readonly signal: AbortSignal;
}

/** What became of it: a forge that does not take it fails nothing else. */
export type ForgeReportView =
  | { readonly kind: "done"; readonly what: "made" | "changed" | "same"; readonly url: string | null }
  /** `denied`: the token may not. */
  | { readonly kind: "failed"; readonly denied: boolean; readonly reason: string; readonly hint: string | null };

/** What the command line asks of the wiring in app.ts. */
export interface AppApi {
  connectApp(options: AppOptions): Promise<Connection>;
  startApp(options: StartOptions): Promise<RunningApp>;
  startQuickstart(options: QuickstartOptions): Promise<RunningQuickstart>;
  /** JSON Schema of `tidemill.yaml`. */
  configSchema(): Promise<object>;
  /** Signing keys, in files of this machine. */
  manageKeys(request: KeysRequest): Promise<KeysView>;
  /** Writes a configuration for what stands in a folder. */
  initProject(request: InitRequest): Promise<InitView>;
  /** Puts the comment of a pull request, or the status or check run of a commit. */
  reportToForge(request: ForgeReportRequest): Promise<ForgeReportView>;
  /** Asks a server who the token is, and remembers both. Throws what asking throws. */
  login(request: LoginRequest): Promise<LoginView>;
  /** Forgets a server; its address, undefined where it was not known. */
  logout(server: string | undefined): Promise<string | undefined>;
}
