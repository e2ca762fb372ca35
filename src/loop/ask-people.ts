import type { NextStep, PersonAsked } from "../core/plan/index.ts";
import type { PromotionFacts } from "../io/store/index.ts";
import type { Context } from "./context.ts";

/** Tells people once what is asked of them before a rebuild goes on, with what to type, and takes back what is answered or not asked any more. */
export async function askPeople(
  { store }: Pick<Context, "store">,
  facts: PromotionFacts,
  step: NextStep,
): Promise<void> {
  // What was asked stands until the verification says what is still missing: an engine that is away at every look is asked for once.
  if (step.kind === "verify") return;
  const { id, image, candidate } = facts.rebuild;
  const asks = step.kind === "wait" ? (step.asks ?? []) : [];
  const questions =
    candidate === null
      ? []
      : asks.map(({ kind, environment, reason }) => ({
          kind,
          image,
          environment,
          digest: candidate,
          message: `${image} for ${environment}: ${reason}`.slice(0, 2000),
          answer: answerOf(kind, `${image}@${candidate}`, environment),
        }));
  await store.saveQuestions(id, questions);
}

/** Closes what is asked of rebuilds that have ended meanwhile: nobody works at them again. */
export async function closeQuestions({ store }: Pick<Context, "store">): Promise<void> {
  const rebuilds = new Set((await store.loadQuestions()).map(({ rebuild }) => rebuild));
  for (const id of rebuilds) {
    const rebuild = await store.loadRebuild(id);
    if (rebuild === undefined || rebuild.finishedAt !== null) await store.saveQuestions(id, []);
  }
}

function answerOf(kind: PersonAsked["kind"], reference: string, environment: string): string {
  switch (kind) {
    case "approval":
    case "drift":
      return `tidemill approve ${reference} ${environment} --reason "..." (or: tidemill reject ${reference} ${environment} --reason "...")`;
    case "promotion":
      return `tidemill promote ${reference} ${environment}`;
    case "engine":
      return "tidemill doctor (it says what of the engine or the cluster is missing; the checks are tried again every ten minutes)";
  }
}
