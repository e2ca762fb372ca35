import { dirname, resolve } from "node:path";
import { z } from "zod";
import { canonicalJson, printable, runInGroup, sha256, tryShape, type Clock } from "../../lib/index.ts";
import { ClusterError } from "./error.ts";

/** What a program for credentials may take. */
export interface ExecLimits {
  readonly timeoutMs: number;
  /** Bytes that it may print. */
  readonly bytes: number;
}

export const defaultExecLimits: ExecLimits = { timeoutMs: 30_000, bytes: 262_144 };
/** What it says besides, for people. */
const maxSaid = 4096;
/** A credential is asked for anew before a request with it would come too late. */
const aheadMs = 5000;

const text = z.string().max(1 << 20);
const versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"] as const;

/** `exec` of a user. client.authentication.k8s.io/v1 and v1beta1, "client-go credential plugins". */
export const execShape = z.looseObject({
  apiVersion: z.enum(versions),
  command: text.min(1),
  args: z.array(z.string().max(10_000)).max(100).nullish(),
  env: z
    .array(z.looseObject({ name: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), value: z.string().max(100_000) }))
    .max(100)
    .nullish(),
  installHint: text.nullish(),
  provideClusterInfo: z.boolean().nullish(),
  interactiveMode: z.enum(["Never", "IfAvailable", "Always"]).nullish(),
});
export type ExecConfig = z.output<typeof execShape>;

const credential = z.looseObject({
  apiVersion: z.string(),
  kind: z.literal("ExecCredential"),
  status: z.looseObject({
    token: z
      .string()
      .max(100_000)
      .regex(/^[\x21-\x7e]*$/)
      .nullish(),
    clientCertificateData: text.nullish(),
    clientKeyData: text.nullish(),
    expirationTimestamp: z.iso.datetime({ offset: true }).nullish(),
  }),
});

/** What a program gave us to show. */
export interface ExecCredential {
  readonly token: string | undefined;
  /** PEM. */
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
}

/** A program of a kubeconfig, and the cluster that it gives a credential for. */
export interface ExecQuestion {
  readonly exec: ExecConfig;
  /** Of the file: a path of the program is relative to its folder. */
  readonly kubeconfig: string;
  /** As the program is told it, where it asks. */
  readonly cluster: Readonly<Record<string, unknown>>;
}

/** Credentials by programs, kept as long as they hold. */
export interface ExecCredentials {
  /** Throws BAD_ACCESS with the program's name and what to do; an abort is thrown on. */
  get(question: ExecQuestion, signal: AbortSignal): Promise<ExecCredential>;
  /** Forgets one that the server did not take: the next who asks runs the program. */
  drop(refused: ExecCredential): void;
}

/** Runs programs for credentials: without a terminal, with PATH, HOME and the variables that the kubeconfig names, within limits of time and output. Who asks meanwhile waits for the same run. */
export function createExecCredentials(
  clock: Pick<Clock, "now">,
  limits: ExecLimits = defaultExecLimits,
): ExecCredentials {
  const kept = new Map<string, { readonly credential: ExecCredential; readonly until: number }>();
  const running = new Map<string, Promise<ExecCredential>>();
  const get = async (question: ExecQuestion, signal: AbortSignal): Promise<ExecCredential> => {
    const key = sha256(canonicalJson([question.exec, question.kubeconfig, question.cluster]));
    const known = kept.get(key);
    if (known !== undefined && known.until - aheadMs > clock.now()) return known.credential;
    const asked =
      running.get(key) ??
      runProgram(question, limits, signal)
        .then(({ expires, ...given }) => {
          // A kubeconfig that was changed asks by another key: what was before is of no use.
          kept.clear();
          kept.set(key, { credential: given, until: expires ?? Infinity });
          return given;
        })
        .finally(() => running.delete(key));
    running.set(key, asked);
    try {
      return await asked;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ClusterError) throw error;
      // Who ran it was ended; we were not.
      return get(question, signal);
    }
  };
  return {
    get,
    drop: (refused) => {
      for (const [key, { credential: one }] of kept) if (one === refused) kept.delete(key);
    },
  };
}

async function runProgram(
  { exec, kubeconfig, cluster }: ExecQuestion,
  { timeoutMs, bytes }: ExecLimits,
  signal: AbortSignal,
): Promise<ExecCredential & { readonly expires: number | undefined }> {
  const { apiVersion, command, args, env, installHint, provideClusterInfo, interactiveMode } = exec;
  if (interactiveMode === "Always" || ((interactiveMode ?? undefined) === undefined && apiVersion === versions[0]))
    throw fail(
      exec,
      interactiveMode === "Always"
        ? "wants a terminal (interactiveMode: Always), and there is none"
        : "has no `interactiveMode`, which v1 demands",
    );
  const spec = { interactive: false, ...(provideClusterInfo === true ? { cluster } : {}) };
  const told = JSON.stringify({ apiVersion, kind: "ExecCredential", spec });
  let printed = "";
  let said = "";
  const ended = await runInGroup(
    {
      command: [command.includes("/") ? resolve(dirname(kubeconfig), command) : command, ...(args ?? [])],
      env: { ...Object.fromEntries((env ?? []).map(({ name, value }) => [name, value])), KUBERNETES_EXEC_INFO: told },
      timeoutMs,
      onOutput: (piece, stream) => {
        if (stream === "stderr") said = (said + piece.toString("utf8")).slice(-maxSaid);
        else if (printed.length <= bytes) printed += piece.toString("utf8");
      },
    },
    signal,
  );
  if (ended.kind === "not started") throw fail(exec, `cannot be started: ${ended.reason}`, installHint);
  if (ended.kind === "late") throw fail(exec, `did not end within ${timeoutMs} ms`);
  const last = said.trim().split("\n").at(-1) ?? "";
  if (ended.status !== 0)
    throw fail(exec, `ended with ${ended.status ?? "a signal"}${last === "" ? "" : `: ${last}`}`, installHint);
  if (printed.length > bytes) throw fail(exec, `printed more than ${bytes} bytes`);
  return readCredential(exec, printed);
}

function readCredential(exec: ExecConfig, printed: string): ExecCredential & { readonly expires: number | undefined } {
  let value: unknown;
  try {
    value = JSON.parse(printed);
  } catch {
    // What stands there may be a secret.
    throw fail(exec, "printed no JSON");
  }
  const shaped = tryShape(credential, value);
  if (!shaped.success)
    throw fail(exec, `printed no ExecCredential at ${shaped.issues[0]?.path.join(".") ?? "its top"}`);
  const { apiVersion, status } = shaped.data;
  if (apiVersion !== exec.apiVersion)
    throw fail(exec, `printed ${apiVersion.slice(0, 100)}, the kubeconfig says ${exec.apiVersion}`);
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = status;
  const none = (given: string | null | undefined): boolean => given === undefined || given === null || given === "";
  if (none(cert) !== none(key)) throw fail(exec, "gave a certificate without its key, or a key alone");
  if (none(token) && none(cert)) throw fail(exec, "gave neither a token nor a certificate");
  return {
    token: none(token) ? undefined : (token ?? undefined),
    cert: none(cert) ? undefined : Buffer.from(cert ?? ""),
    key: none(key) ? undefined : Buffer.from(key ?? ""),
    expires: typeof expirationTimestamp === "string" ? Date.parse(expirationTimestamp) : undefined,
  };
}

const usualHint =
  "Run it by hand as the user that Tidemill runs as; it is told PATH, HOME and what `env:` of the kubeconfig names, and nothing else.";

function fail({ command }: ExecConfig, why: string, installHint?: string | null): ClusterError {
  const hint = (installHint ?? "").trim() === "" ? usualHint : printable((installHint ?? "").trim().slice(0, 1000));
  return new ClusterError(
    "BAD_ACCESS",
    `the program for credentials ${printable(command.slice(0, 300))} ${printable(why.slice(0, 500))}`,
    { hint },
  );
}
