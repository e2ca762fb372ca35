import type { Role } from "../core/access/index.ts";
import type { OperationName } from "./operations.ts";

/** Who asks, as far as the server could tell. */
export interface Principal {
  /** What the record calls it. */
  readonly name: string;
  /** `local`: whoever can read the lock file. `loopback`: anybody on this machine, who may look. */
  readonly kind: "local" | "loopback" | "token" | "workload" | "person";
  /** Of the credential, for the record; null where there is none. */
  readonly credential: string | null;
  /** Of a workload: which of its runs. */
  readonly run?: string;
  readonly roles: readonly Role[];
  /** `key=value`: only images that bear one of them; empty: all. */
  readonly labels: readonly string[];
}

interface OperationAccess {
  readonly role: Role;
  /** The field of the input that names what images it is about: who is limited to some has to name one of those there. Without it: the whole fleet, or the world outside. */
  readonly images?: string;
  /** The operation itself leaves out what is not about images with the `labels` of its input. */
  readonly filtered?: true;
}

const look = (images?: string): OperationAccess => ({ role: "viewer", ...(images === undefined ? {} : { images }) });
const operate = (images?: string): OperationAccess => ({
  role: "operator",
  ...(images === undefined ? {} : { images }),
});
const answerFor = (images?: string): OperationAccess => ({
  role: "approver",
  ...(images === undefined ? {} : { images }),
});
const administer: OperationAccess = { role: "admin" };

/** Who may ask for what. */
export const access: Readonly<Record<OperationName, OperationAccess>> = {
  status: look("image"),
  images: { role: "viewer", filtered: true },
  rebuilds: { role: "viewer", filtered: true },
  promotions: { role: "viewer", filtered: true },
  summary: look(),
  plan: look(),
  graph: look(),
  retention: look("image"),
  log: look("image"),
  why: look("image"),
  gate: look("image"),
  exposure: look("image"),
  report: look(),
  history: look("image"),
  vexList: look("image"),
  auditVerify: look(),
  auditExport: look(),
  doctor: look(),
  validate: look(),
  // These have the server ask other registries, with its credentials.
  diff: operate(),
  check: operate(),
  scan: operate(),
  inventory: operate(),
  verify: operate(),
  look: operate(),
  run: operate("images"),
  rebuild: operate("image"),
  promote: operate("image"),
  deploy: operate("image"),
  rollback: operate("image"),
  hold: operate("image"),
  resume: operate("image"),
  evidenceAttach: operate("image"),
  approve: answerFor("image"),
  reject: answerFor("image"),
  // What does not matter starts nothing and lets candidates pass: somebody answers for it.
  vexAdd: answerFor("image"),
  vexRemove: answerFor("image"),
  // They send to whoever the configuration names.
  notifyTest: administer,
  notifyResend: administer,
  // All of it at once is for nobody else, though each part may be seen.
  support: administer,
  // These write files on the server, or bytes to wherever they are told.
  build: administer,
  rebase: administer,
  evidenceExport: administer,
  backup: administer,
  restore: administer,
  tokenCreate: administer,
  tokenList: administer,
  tokenRevoke: administer,
  sessionList: administer,
  sessionRevoke: administer,
};
