import { createRegistryClient, dockerCredentials } from "./io/registry/index.ts";
import { silentLogger, shareRuns } from "./lib/index.ts";
import { deployFleet } from "./loop/deploy-environments.ts";
import { watchUpstreams } from "./loop/watch/index.ts";
import { createOperations, type OperationHandlers, type Operations } from "./operation/index.ts";
import * as implemented from "./serve/operations/index.ts";
import { deliverOutbox } from "./deliver-outbox.ts";
import { createNotifying } from "./notifying-operations.ts";
import { tellForgesOf } from "./tell-forges.ts";
import type { Fleet } from "./fleet.ts";
import { createLooking } from "./looking-operations.ts";
import { readVersion } from "./version.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** What whoever works at the fleet is woken by. */
export const loopTopic = "loop";

export interface FleetOperationsOptions {
  readonly env: Env;
  readonly configPath: string;
  /** Whether a server works at the fleet: then nothing takes its state away. */
  readonly serving: { readonly address: string; readonly since: number } | undefined;
}

/** All operations over an open fleet. */
export function createFleetOperations(fleet: Fleet, options: FleetOperationsOptions): Operations {
  const { ctx, makers } = fleet;
  const { env, configPath, serving } = options;
  const clientOfOthers = createRegistryClient({ credentials: dockerCredentials() });
  fleet.onClose(() => clientOfOthers.close());
  // However many ask in a burst: one look that goes on, and one after it.
  const refresh = shareRuns(async (): Promise<void> => {
    await watchUpstreams(ctx);
  });
  // A server has running systems follow by itself, all the time.
  const carryOut = async (): Promise<void> => {
    if (serving === undefined) await deployFleet(ctx);
  };
  const carriedOut =
    <Request, Answer extends { readonly kind: string }>(move: (request: Request) => Promise<Answer>) =>
    async (request: Request): Promise<Answer> => {
      const answer = await move(request);
      if (answer.kind !== "refused") await carryOut();
      return answer;
    };
  const databaseUrl = env["DATABASE_URL"];
  const place = databaseUrl === undefined || databaseUrl === "" ? { dir: fleet.dataDir } : { databaseUrl };
  const handlers: Omit<OperationHandlers, "support"> = {
    status: implemented.createStatus(ctx, {
      version: readVersion(),
      server: () =>
        serving === undefined
          ? null
          : { address: serving.address, pid: process.pid, since: new Date(serving.since).toISOString() },
    }),
    summary: implemented.createSummary(ctx, { version: readVersion() }),
    plan: implemented.createPlan(ctx, { refresh }),
    ...implemented.createLists(ctx),
    graph: implemented.createGraph(ctx),
    retention: implemented.createRetention(ctx),
    look: implemented.createLook(ctx, { refresh, wake: () => void fleet.queue.wake(loopTopic) }),
    log: implemented.createLog(ctx),
    why: implemented.createWhy(ctx),
    history: implemented.createHistory(ctx),
    ...createLooking(fleet, { env, client: clientOfOthers, localFiles: serving === undefined }),
    exposure: implemented.createExposure(ctx),
    report: implemented.createReport(ctx, { version: readVersion() }),
    run: implemented.createRun(ctx, {
      pass: async (passOptions) => {
        const result = await fleet.pass({ ...passOptions, deploy: serving === undefined, bump: serving === undefined });
        // A server delivers by itself; a pass from cron has nobody who does it after it.
        if (serving === undefined) {
          await deliverOutbox(ctx);
          await tellForgesOf(ctx, env);
        }
        return result;
      },
    }),
    rebuild: implemented.createRebuild(ctx, { wake: () => void fleet.queue.wake(loopTopic) }),
    gate: implemented.createGate(ctx),
    promote: carriedOut(implemented.createPromote(ctx)),
    deploy: implemented.createDeploy(ctx, { carryOut }),
    approve: implemented.createApprove(ctx, { wake: () => void fleet.queue.wake(loopTopic) }),
    reject: implemented.createReject(ctx, { wake: () => void fleet.queue.wake(loopTopic) }),
    rollback: carriedOut(implemented.createRollback(ctx)),
    ...implemented.createVex(ctx),
    ...implemented.createAudit(ctx),
    ...implemented.createEvidenceOperations(ctx),
    ...implemented.createTokens(ctx),
    ...implemented.createSessions(ctx),
    hold: implemented.createHold(ctx),
    resume: implemented.createResume(ctx),
    build: implemented.createBuild(ctx, { makers, prepare: refresh }),
    validate: implemented.createValidate({ env, cwd: serving === undefined ? process.cwd() : undefined }),
    doctor: implemented.createDoctor({ ...ctx, configPath, env, place, node: process.version }),
    ...createNotifying(ctx),
    backup: implemented.createBackup(ctx),
    restore: implemented.createRestore({
      place,
      options: { clock: ctx.clock, log: silentLogger() },
      release: serving === undefined ? () => fleet.releaseState() : undefined,
      isThere: async (image, digest) => (await ctx.repositoryOf(image).resolve(digest)) !== undefined,
    }),
  };
  return createOperations({
    ...handlers,
    support: implemented.createSupport(ctx, handlers, { configPath, env, version: readVersion() }),
  });
}
