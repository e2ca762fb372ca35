import { mkdir } from "node:fs/promises";
import type { Feed } from "../../io/feeds/index.ts";
import type { StorePlace } from "../../io/store/index.ts";
import type { Context } from "../../loop/context.ts";
import type { OperationHandlers } from "../../operation/index.ts";
import { diagnoseAccess } from "./diagnose-access.ts";
import { deploymentParts } from "./diagnose-deployments.ts";
import { diagnoseEvidence } from "./diagnose-evidence.ts";
import { issuerParts } from "./diagnose-issuers.ts";
import { jobParts } from "./diagnose-jobs.ts";
import { diagnoseConfig, diagnoseEngine, diagnoseFeeds, diagnoseNode, diagnoseRegistry } from "./diagnose-parts.ts";
import {
  diagnoseAlarms,
  diagnoseAudit,
  diagnoseFolder,
  diagnoseNotifications,
  diagnosePlace,
} from "./diagnose-state.ts";
import { diagnoseSuites } from "./diagnose-suites.ts";
import { pipelineParts } from "./diagnose-pipelines.ts";
import { lookAt, type Diagnosis, type Part } from "./diagnosis.ts";

export interface DoctorDeps extends Pick<
  Context,
  | "config"
  | "home"
  | "clock"
  | "store"
  | "distro"
  | "suites"
  | "engine"
  | "jobs"
  | "evidence"
  | "repositoryOf"
  | "targetOf"
  | "pipelineOf"
  | "cacheDir"
> {
  /** Of the configuration. */
  readonly configPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly place: StorePlace;
  readonly feeds: readonly Feed[];
  /** As `process.version` has it. */
  readonly node: string;
  /** How long one part may take, in milliseconds; 20 s without it. */
  readonly patienceMs?: number;
}

/** Looks at every part that Tidemill needs, all at once. Never throws for what is wrong with one: that is a finding. */
export function createDoctor(deps: DoctorDeps): OperationHandlers["doctor"] {
  const { config, clock, store, patienceMs = 20_000 } = deps;
  return async () => {
    const parts: Part[] = [
      { name: "node", look: () => Promise.resolve(diagnoseNode(deps.node)) },
      { name: "configuration", look: () => diagnoseConfig(deps.configPath, config, deps.env) },
      { name: "certificate", look: () => diagnoseAccess(config.server, deps.home, clock) },
      ...issuerParts(config.server, clock),
      { name: "state", look: () => diagnosePlace(deps.place, store) },
      { name: "cache", look: () => diagnoseCache(deps.cacheDir) },
      ...registryParts(deps),
      {
        name: "mirrors",
        look: (signal) => diagnoseSuites([...deps.suites.values()].flat(), deps.distro, clock, signal),
      },
      { name: "run engine", look: () => diagnoseEngine(config, deps.engine) },
      ...jobParts(deps),
      ...deploymentParts(deps),
      ...pipelineParts(deps),
      { name: "feeds", look: () => diagnoseFeeds(deps.feeds, clock) },
      { name: "evidence", look: () => diagnoseEvidence(deps.evidence) },
      { name: "audit chain", look: () => diagnoseAudit(store) },
      { name: "alarms", look: () => diagnoseAlarms(store) },
      {
        name: "notifications",
        look: () =>
          diagnoseNotifications(
            store,
            clock,
            config.notifications.webhook !== undefined || Object.keys(config.notifications.receivers).length > 0,
          ),
      },
    ];
    const checks = (await Promise.all(parts.map((part) => lookAt(part, patienceMs)))).flat();
    return { ok: checks.every(({ state }) => state !== "failed"), checks };
  };
}

/** It is made when it is first needed. */
async function diagnoseCache(path: string): Promise<Diagnosis> {
  await mkdir(path, { recursive: true }).catch(() => undefined);
  return diagnoseFolder("cache", path);
}

/** One repository of every registry that images go to. */
function registryParts({ config, repositoryOf, clock }: DoctorDeps): Part[] {
  const byRegistry = new Map<string, Part>();
  for (const image of Object.keys(config.images)) {
    const repository = repositoryOf(image);
    const { registry } = repository;
    if (byRegistry.has(registry)) continue;
    byRegistry.set(registry, {
      name: `registry ${registry}`,
      look: (signal) => diagnoseRegistry(repository, clock, signal),
    });
  }
  return [...byRegistry.values()];
}
