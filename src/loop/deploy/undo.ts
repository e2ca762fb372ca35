import type { Deployment } from "../../io/store/index.ts";
import { clearPlaceAlarms, failedAlarm } from "./alarms.ts";
import { isForced } from "./load-facts.ts";
import { memoryOf } from "./memory-of.ts";
import { requestOf } from "./request-of.ts";
import { giveUpFor, hurryRebuilds, type StepEnd, type Worker } from "./worker.ts";

/** The place first, then the environment, then the record: whoever follows after a crash does all of it again. */
export async function undo(worker: Worker, attempt: Deployment): Promise<StepEnd> {
  const { ctx, place, lease, kept, target, powers } = worker;
  const { image, environment, deployment } = place;
  const { digest } = attempt;
  const undone = await target.undo(requestOf(ctx, lease, place, attempt), {
    signal: kept.signal,
    deadlineMs: ctx.config.deployments[deployment]?.deadline ?? 0,
    confirmOurs: kept.confirm,
    isOurs: () => true,
    forced: isForced(attempt),
    memory: memoryOf(worker),
  });
  if (undone.kind === "again") {
    await giveUpFor(worker, `it cannot be undone yet: ${undone.reason}`);
    return "waits";
  }
  const said = attempt.detail["failure"];
  const failure = typeof said === "string" ? said : "it failed";
  const message = `${image}@${digest} could not be deployed to ${environment} by ${deployment}: ${failure}`;
  const alarm = failedAlarm(place);
  await kept.confirm();
  // What an environment was taken back to is older still: there is no end to that way.
  if (attempt.kind === "forward") {
    const reason = `it could not be deployed by ${deployment}: ${failure}`.slice(0, 1000);
    await powers.takeBack({ image, environment, digest, message, reason, alarm, evidence: { deployment, failure } });
  } else {
    const hint = "It is what was good there before: look at the system. It is tried again.";
    const raised = await ctx.store.saveAlarm({ ...alarm, severity: "error", message, hint });
    if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, digest, message });
  }
  const saved = await ctx.store.saveDeployment(lease, attempt.id, { to: "failed", reason: failure });
  if (saved.kind !== "saved") return "lost";
  await clearPlaceAlarms(ctx, place);
  await hurryRebuilds(ctx, image);
  return "moved";
}
