export {
  bumpPrograms,
  bumpTypes,
  type BumpFinding,
  type BumpMove,
  type BumpType,
  type LockedBump,
  type WantedBump,
} from "./types.ts";
export { isSameVersion, spelledName } from "./order.ts";
export { wantBumps, type CuredImage } from "./want-bumps.ts";
export { locateBumps } from "./locate-bumps.ts";
export { proveBump, type BumpProof, type LockChange, type LockPair } from "./prove-bump.ts";
export { createMayGo } from "./may-go.ts";
export { bumpBody, bumpMessage, bumpTitle, movesMark, readBumpMark, type MadeBump } from "./describe-bump.ts";
export { recordProposal, type BumpProposal } from "./record-proposal.ts";
export { bumpDue } from "./schedule-bump.ts";
export { bumpBranch, bumpKey } from "./name-bump.ts";
