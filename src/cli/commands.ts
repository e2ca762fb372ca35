import type { Command } from "./command.ts";

/** A command as it is listed: the rest is loaded when it is asked for, so that help comes at once. */
export interface CommandEntry {
  readonly summary: string;
  readonly group: "Start" | "Look" | "Act" | "Keep";
  load(): Promise<Command>;
}

/** Every command, in the order in which help lists them. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  quickstart: entry(
    "Start",
    "See the whole loop on real Debian packages",
    async () => (await import("./quickstart.ts")).quickstart,
  ),
  init: entry("Start", "Write a tidemill.yaml for what is found here", async () => (await import("./init.ts")).init),
  up: entry("Start", "Keep the fleet fresh until Ctrl-C", async () => (await import("./up.ts")).up),
  run: entry("Start", "One pass of the loop, for cron and CI", async () => (await import("./run.ts")).run),
  status: entry("Look", "The fleet, what is in flight, alarms", async () => (await import("./status.ts")).status),
  graph: entry(
    "Look",
    "What images are made of, and what a change reaches",
    async () => (await import("./graph.ts")).graph,
  ),
  retention: entry(
    "Look",
    "Which digests stay, and which are let go",
    async () => (await import("./retention.ts")).retention,
  ),
  look: entry("Act", "Look at the upstreams now", async () => (await import("./look.ts")).look),
  log: entry("Look", "What the newest build of an image said", async () => (await import("./log.ts")).log),
  plan: entry("Look", "What would be done now, and why", async () => (await import("./plan.ts")).plan),
  check: entry("Look", "What any image holds, and what of it is old", async () => (await import("./check.ts")).check),
  scan: entry(
    "Look",
    "What is wrong with an image, folder or SBOM, and what cures it",
    async () => (await import("./scan.ts")).scan,
  ),
  ci: entry(
    "Look",
    "In a pipeline: scan, compare with production, comment, and decide",
    async () => (await import("./ci.ts")).ci,
  ),
  inventory: entry(
    "Look",
    "Every package in an image or folder, also as an SBOM",
    async () => (await import("./inventory.ts")).inventory,
  ),
  verify: entry(
    "Look",
    "Whether an image is signed and has its evidence",
    async () => (await import("./verify.ts")).verify,
  ),
  exposure: entry(
    "Look",
    "What environments are exposed to, since when, until when",
    async () => (await import("./exposure.ts")).exposure,
  ),
  report: entry(
    "Look",
    "The exposure of a period, as a signed page and as data",
    async () => (await import("./report.ts")).report,
  ),
  why: entry("Look", "Why a digest exists", async () => (await import("./why.ts")).why),
  history: entry("Look", "What was done, newest first", async () => (await import("./history.ts")).history),
  diff: entry("Look", "What differs between two images", async () => (await import("./diff.ts")).diff),
  gate: entry("Look", "Whether a digest may run in an environment", async () => (await import("./gate.ts")).gate),
  rebuild: entry("Act", "Ask for a rebuild", async () => (await import("./rebuild.ts")).rebuild),
  promote: entry("Act", "Move an environment to a proven digest", async () => (await import("./promote.ts")).promote),
  deploy: entry(
    "Act",
    "Have the running systems use what an environment names",
    async () => (await import("./deploy.ts")).deploy,
  ),
  approve: entry("Act", "Approve a digest for an environment", async () => (await import("./approve.ts")).approve),
  reject: entry("Act", "Reject a digest for an environment", async () => (await import("./approve.ts")).reject),
  rollback: entry(
    "Act",
    "Take an environment back to a good digest",
    async () => (await import("./rollback.ts")).rollback,
  ),
  vex: entry("Act", "Say of a vulnerability whether it matters, and why", async () => (await import("./vex.ts")).vex),
  hold: entry("Act", "Pause an image, an environment, or everything", async () => (await import("./hold.ts")).hold),
  resume: entry("Act", "Lift a hold", async () => (await import("./resume.ts")).resume),
  build: entry(
    "Act",
    "Build one recipe to a registry, layout or archive",
    async () => (await import("./build.ts")).build,
  ),
  rebase: entry(
    "Act",
    "Put an image on a newer base without a build",
    async () => (await import("./rebase.ts")).rebase,
  ),
  validate: entry("Keep", "Every mistake of a configuration", async () => (await import("./validate.ts")).validate),
  schema: entry("Keep", "JSON Schema of tidemill.yaml, for editors", async () => (await import("./schema.ts")).schema),
  completion: entry(
    "Keep",
    "Completion for bash, zsh or fish",
    async () => (await import("./completion.ts")).completion,
  ),
  doctor: entry(
    "Keep",
    "Whether everything needed is there and works",
    async () => (await import("./doctor.ts")).doctor,
  ),
  notify: entry("Keep", "Test who is told, and tell again", async () => (await import("./notify.ts")).notify),
  support: entry(
    "Keep",
    "A bundle for whoever helps, without secrets",
    async () => (await import("./support.ts")).support,
  ),
  login: entry("Keep", "Ask a server elsewhere from now on", async () => (await import("./login.ts")).login),
  logout: entry("Keep", "Forget a server and its token", async () => (await import("./login.ts")).logout),
  session: entry("Keep", "People who are logged in", async () => (await import("./session.ts")).session),
  token: entry("Keep", "Tokens by which others reach a server", async () => (await import("./token.ts")).token),
  keys: entry("Keep", "Keys that evidence is signed with", async () => (await import("./keys.ts")).keys),
  audit: entry("Keep", "Whether the record is whole; all of it", async () => (await import("./audit.ts")).audit),
  evidence: entry(
    "Keep",
    "All evidence of a digest in one file, or beside it",
    async () => (await import("./evidence.ts")).evidence,
  ),
  backup: entry("Keep", "Write a snapshot of the state", async () => (await import("./backup.ts")).backup),
  restore: entry("Keep", "Put a snapshot back", async () => (await import("./restore.ts")).restore),
};

function entry<Output>(
  group: CommandEntry["group"],
  summary: string,
  load: () => Promise<Command<Output>>,
): CommandEntry {
  return { group, summary, load };
}
