import type { z } from "zod";
import { tryShape } from "../lib/index.ts";
import * as action from "./action.ts";
import { OperationError } from "./error.ts";
import * as evidence from "./evidence.ts";
import * as explain from "./explain.ts";
import * as exposed from "./exposure.ts";
import { gate, gateInput } from "./gate.ts";
import { graph, graphInput } from "./graph.ts";
import { inventory, inventoryInput } from "./inventory.ts";
import { looked, lookInput } from "./look.ts";
import * as list from "./list.ts";
import { log, logInput } from "./log.ts";
import { plan, planInput } from "./plan.ts";
import { rebase, rebaseInput } from "./rebase.ts";
import { retention, retentionInput } from "./retention.ts";
import { scan, scanInput } from "./scan.ts";
import { status, statusInput, summary, summaryInput } from "./status.ts";
import * as session from "./session.ts";
import * as token from "./token.ts";
import * as upkeep from "./upkeep.ts";
import * as vex from "./vex.ts";

/** One thing that people and programs can ask for. */
interface OperationShape {
  readonly summary: string;
  /** `write` changes state, a registry or a file. */
  readonly effect: "read" | "write";
  readonly input: z.ZodObject;
  readonly output: z.ZodType;
}

/** All that can be asked for. The command line, the HTTP API and its OpenAPI document are made of this table. */
export const operations = {
  status: { summary: "The state of the fleet", effect: "read", input: statusInput, output: status },
  summary: { summary: "The fleet in a dozen numbers", effect: "read", input: summaryInput, output: summary },
  plan: { summary: "What would be done now, and why", effect: "read", input: planInput, output: plan },
  images: { summary: "Images of the fleet, by name", effect: "read", input: list.imagesInput, output: list.images },
  rebuilds: { summary: "Rebuilds, newest first", effect: "read", input: list.rebuildsInput, output: list.rebuilds },
  promotions: {
    summary: "Moves of environments, newest first",
    effect: "read",
    input: list.promotionsInput,
    output: list.promotions,
  },
  graph: {
    summary: "What images are made of, and what a change reaches",
    effect: "read",
    input: graphInput,
    output: graph,
  },
  retention: {
    summary: "Which digests stay, and which are let go",
    effect: "read",
    input: retentionInput,
    output: retention,
  },
  look: { summary: "Look at the upstreams now", effect: "write", input: lookInput, output: looked },
  log: {
    summary: "What the build of an image said, or a check of its candidate",
    effect: "read",
    input: logInput,
    output: log,
  },
  why: { summary: "Why a digest exists", effect: "read", input: explain.whyInput, output: explain.why },
  history: {
    summary: "What was done, newest first",
    effect: "read",
    input: explain.historyInput,
    output: explain.history,
  },
  diff: { summary: "What differs between two digests", effect: "read", input: explain.diffInput, output: explain.diff },
  check: {
    summary: "What an image holds and what of it is old",
    effect: "read",
    input: explain.checkInput,
    output: explain.check,
  },
  scan: {
    summary: "What is wrong with what anything holds, and what cures it",
    effect: "read",
    input: scanInput,
    output: scan,
  },
  inventory: {
    summary: "What anything holds",
    effect: "read",
    input: inventoryInput,
    output: inventory,
  },
  exposure: {
    summary: "What environments are exposed to, since when, until when",
    effect: "read",
    input: exposed.exposureInput,
    output: exposed.exposure,
  },
  report: {
    summary: "The exposure of a period, as data and as a signed page",
    effect: "read",
    input: exposed.reportInput,
    output: exposed.report,
  },
  run: { summary: "One pass of the loop", effect: "write", input: action.runInput, output: action.run },
  rebuild: { summary: "Ask for a rebuild", effect: "write", input: action.rebuildInput, output: action.rebuild },
  promote: {
    summary: "Move an environment to a proven digest",
    effect: "write",
    input: action.promoteInput,
    output: action.promote,
  },
  gate: {
    summary: "Whether a digest may run in an environment",
    effect: "read",
    input: gateInput,
    output: gate,
  },
  deploy: {
    summary: "Have the running systems use what an environment names",
    effect: "write",
    input: action.deployInput,
    output: action.deploy,
  },
  approve: {
    summary: "Approve a digest for an environment",
    effect: "write",
    input: action.approveInput,
    output: action.approve,
  },
  reject: {
    summary: "Reject a digest for an environment, for good",
    effect: "write",
    input: action.approveInput,
    output: action.approve,
  },
  rollback: {
    summary: "Take an environment back to a good digest",
    effect: "write",
    input: action.rollbackInput,
    output: action.rollback,
  },
  hold: {
    summary: "Pause an image, an environment or the fleet",
    effect: "write",
    input: action.holdInput,
    output: action.held,
  },
  resume: { summary: "Lift holds", effect: "write", input: action.resumeInput, output: action.resumed },
  vexAdd: {
    summary: "Say of a vulnerability whether it matters",
    effect: "write",
    input: vex.vexAddInput,
    output: vex.vexAdded,
  },
  vexList: {
    summary: "What people say of vulnerabilities",
    effect: "read",
    input: vex.vexListInput,
    output: vex.vexListed,
  },
  vexRemove: {
    summary: "Take back what was said of a vulnerability",
    effect: "write",
    input: vex.vexRemoveInput,
    output: vex.vexRemoved,
  },
  verify: {
    summary: "Whether the evidence beside an image is what is demanded",
    effect: "read",
    input: evidence.verifyInput,
    output: evidence.verify,
  },
  evidenceAttach: {
    summary: "Sign what is known of a digest and put it beside it",
    effect: "write",
    input: evidence.evidenceAttachInput,
    output: evidence.evidenceAttach,
  },
  evidenceExport: {
    summary: "Write all evidence of a digest to a file",
    effect: "write",
    input: evidence.evidenceExportInput,
    output: evidence.evidenceExport,
  },
  auditVerify: {
    summary: "Whether the chain of what was decided and done is whole",
    effect: "read",
    input: evidence.auditVerifyInput,
    output: evidence.auditVerify,
  },
  auditExport: {
    summary: "What was decided and done, as lines",
    effect: "read",
    input: evidence.auditExportInput,
    output: evidence.auditExport,
  },
  build: {
    summary: "Build one recipe to a registry, layout or archive",
    effect: "write",
    input: action.buildInput,
    output: action.build,
  },
  rebase: {
    summary: "Put an image on a newer base without a build",
    effect: "write",
    input: rebaseInput,
    output: rebase,
  },
  validate: {
    summary: "Every mistake of a configuration",
    effect: "read",
    input: upkeep.validateInput,
    output: upkeep.validate,
  },
  doctor: {
    summary: "Whether everything needed is there and works",
    effect: "read",
    input: upkeep.doctorInput,
    output: upkeep.doctor,
  },
  notifyTest: {
    summary: "Send a test to receivers of notifications",
    effect: "write",
    input: upkeep.notifyTestInput,
    output: upkeep.notifyTest,
  },
  notifyResend: {
    summary: "Try notifications again that were given up",
    effect: "write",
    input: upkeep.notifyResendInput,
    output: upkeep.notifyResend,
  },
  support: {
    summary: "What somebody who helps has to see, without secrets",
    effect: "read",
    input: upkeep.supportInput,
    output: upkeep.support,
  },
  backup: {
    summary: "Write a snapshot of the state",
    effect: "write",
    input: upkeep.backupInput,
    output: upkeep.backup,
  },
  tokenCreate: {
    summary: "Make a token for a program or a person",
    effect: "write",
    input: token.tokenCreateInput,
    output: token.tokenCreated,
  },
  tokenList: {
    summary: "Tokens that were made, and when they were last used",
    effect: "read",
    input: token.tokenListInput,
    output: token.tokenListed,
  },
  tokenRevoke: {
    summary: "End a token",
    effect: "write",
    input: token.tokenRevokeInput,
    output: token.tokenRevoked,
  },
  sessionList: {
    summary: "People who are logged in",
    effect: "read",
    input: session.sessionListInput,
    output: session.sessionListed,
  },
  sessionRevoke: {
    summary: "End a session, or all of a person",
    effect: "write",
    input: session.sessionRevokeInput,
    output: session.sessionRevoked,
  },
  restore: { summary: "Put a snapshot back", effect: "write", input: upkeep.restoreInput, output: upkeep.restore },
} as const satisfies Record<string, OperationShape>;

export type OperationName = keyof typeof operations;

/** What a caller sends: fields with a default may be left out. */
export type OperationInput<N extends OperationName> = z.input<(typeof operations)[N]["input"]>;

/** What an implementation is given: defaults filled in. */
export type OperationRequest<N extends OperationName> = z.output<(typeof operations)[N]["input"]>;

export type OperationOutput<N extends OperationName> = z.output<(typeof operations)[N]["output"]>;

/** The operations as a caller has them, in this process or over the local API: same code, same answers. */
export type Operations = {
  readonly [N in OperationName]: (input: OperationInput<N>) => Promise<OperationOutput<N>>;
};

/** The operations as they are implemented: input is checked and complete. */
export type OperationHandlers = {
  readonly [N in OperationName]: (request: OperationRequest<N>) => Promise<OperationOutput<N>>;
};

export const operationNames = Object.keys(operations) as OperationName[];

/** Whether `name` is one of the operations. */
export function isOperationName(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}

/** `value` as the checked input of `name`; throws BAD_INPUT with every mistake in one message. */
export function parseInput<N extends OperationName>(name: N, value: unknown): OperationRequest<N> {
  const parsed = tryShape<unknown>(operations[name].input, value);
  const mistakes = parsed.success
    ? placesOfNul(parsed.data).map((path) => `${path || "input"}: it holds a NUL character`)
    : parsed.issues.map((issue) => `${issue.path.join(".") || "input"}: ${issue.message}`);
  if (parsed.success && mistakes.length === 0) return parsed.data as OperationRequest<N>;
  throw new OperationError("BAD_INPUT", `${name}: ${mistakes.slice(0, 10).join("; ")}`, {
    hint: `\`tidemill ${name} --help\` shows what it takes.`,
  });
}

/** Where texts are that no database keeps. */
function placesOfNul(value: unknown, path = ""): string[] {
  if (typeof value === "string") return value.includes("\0") ? [path] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => placesOfNul(one, path === "" ? key : `${path}.${key}`));
}

/** Handlers as operations: every input is checked against its schema before the handler sees it. */
export function createOperations<Name extends OperationName>(
  handlers: Pick<OperationHandlers, Name>,
): Pick<Operations, Name> {
  const bind = (name: Name) => {
    const handler = handlers[name] as (request: unknown) => Promise<unknown>;
    return async (input: unknown) => handler(parseInput(name, input));
  };
  const names = Object.keys(handlers) as Name[];
  return Object.fromEntries(names.map((name) => [name, bind(name)])) as unknown as Pick<Operations, Name>;
}
