import type { FakeStatus, ForgeKind } from "./fake-reports.ts";

/** A deployment of a fake forge, with all that was said of it. */
export interface FakeDeployment {
  readonly id: number;
  readonly sha: string;
  readonly environment: string;
  readonly payload: unknown;
  readonly task: unknown;
  readonly ref: string;
  readonly states: string[];
}

interface Question {
  readonly kind: ForgeKind;
  readonly mayWrite: boolean;
  readonly method: string;
  /** Behind the repository. */
  readonly path: string;
  readonly ask: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}
type Answer = readonly [status: number, value: unknown];

const githubStates = ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];
const gitlabStates = ["running", "success", "failed", "canceled"];

/** Deployments of GitHub (REST API 2022-11-28) and GitLab (REST API 4), and the list of a commit's statuses; undefined for other questions. Gitea has no deployments. */
export function answerDeployments(
  question: Question,
  deployments: FakeDeployment[],
  statuses: readonly FakeStatus[],
): Answer | undefined {
  const { kind, method, path } = question;
  const [, sha] = /^\/commits\/([0-9a-f]{40})\/statuses$/.exec(path) ?? [];
  if (sha !== undefined && kind !== "gitlab" && method === "GET") {
    const field = kind === "github" ? "state" : "status";
    const all = statuses.filter((one) => one.sha === sha).toReversed();
    return [200, all.map(({ state, context, description }) => ({ [field]: state, context, description }))];
  }
  if (!path.startsWith("/deployments") || kind === "gitea") return undefined;
  if (method !== "GET" && !question.mayWrite) return [403, { message: "Resource not accessible by integration" }];
  return kind === "github" ? onGithub(question, deployments) : onGitlab(question, deployments);
}

function onGithub({ method, path, ask, body }: Question, deployments: FakeDeployment[]): Answer {
  const [, id, part] = /^\/deployments(?:\/(\d+)(\/statuses)?)?$/.exec(path) ?? [];
  if (id === undefined && method === "GET") {
    const is = (one: FakeDeployment) =>
      ["sha", "environment", "task"].every((name) => !ask.has(name) || one[name as "sha"] === ask.get(name));
    return [
      200,
      deployments
        .filter(is)
        .toReversed()
        .slice(0, Number(ask.get("per_page") ?? 30)),
    ];
  }
  if (id === undefined) {
    const { ref, environment, required_contexts: contexts } = body;
    if (typeof ref !== "string" || typeof environment !== "string") return [422, { message: "Validation Failed" }];
    if (!Array.isArray(contexts) || body["auto_merge"] !== false)
      return [409, { message: "Conflict: Commit status checks failed for master." }];
    return [
      201,
      made(deployments, { sha: ref, ref, environment, payload: body["payload"], task: body["task"], states: [] }),
    ];
  }
  const found = deployments.find((one) => `${one.id}` === id);
  if (found === undefined || part === undefined) return [404, { message: "Not Found" }];
  if (method === "GET") return [200, found.states.toReversed().map((state) => ({ state }))];
  const { state } = body;
  if (typeof state !== "string" || !githubStates.includes(state)) return [422, { message: "Validation Failed" }];
  found.states.push(state);
  // Those before it in the same environment are inactive by that.
  if (state === "success" && body["auto_inactive"] === true)
    for (const one of deployments)
      if (one !== found && one.environment === found.environment && one.states.at(-1) === "success")
        one.states.push("inactive");
  return [201, { state }];
}

function onGitlab({ method, path, ask, body }: Question, deployments: FakeDeployment[]): Answer {
  const view = ({ id, sha, environment, states }: FakeDeployment) => ({
    id,
    sha,
    environment: { name: environment },
    status: states.at(-1),
  });
  const [, id] = /^\/deployments(?:\/(\d+))?$/.exec(path) ?? [];
  if (id === undefined && method === "GET") {
    const is = (one: FakeDeployment) =>
      one.environment === ask.get("environment") && (!ask.has("status") || one.states.at(-1) === ask.get("status"));
    return [200, deployments.filter(is).toReversed().map(view)];
  }
  const one = deployments.find((each) => `${each.id}` === id);
  if (method === "GET") return one === undefined ? [404, { message: "404 Not found" }] : [200, view(one)];
  const { status } = body;
  if (typeof status !== "string" || !gitlabStates.includes(status))
    return [400, { error: "status does not have a valid value" }];
  if (id === undefined) {
    const { sha, ref, environment, tag } = body;
    if (
      typeof sha !== "string" ||
      typeof ref !== "string" ||
      typeof environment !== "string" ||
      typeof tag !== "boolean"
    )
      return [400, { error: "ref is missing" }];
    return [
      201,
      view(made(deployments, { sha, ref, environment, payload: undefined, task: undefined, states: [status] })),
    ];
  }
  if (one === undefined) return [404, { message: "404 Not found" }];
  if (one.states.at(-1) !== "running") return [400, { message: `Status cannot transition via "${status}"` }];
  one.states.push(status);
  return [200, view(one)];
}

function made(deployments: FakeDeployment[], one: Omit<FakeDeployment, "id">): FakeDeployment {
  const created = { ...one, id: deployments.length + 1 };
  deployments.push(created);
  return created;
}
