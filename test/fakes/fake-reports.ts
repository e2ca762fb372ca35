/** A comment of a fake forge. */
export interface FakeComment {
  readonly id: number;
  readonly author: string;
  body: string;
}

/** A status of a commit, as it was set. */
export interface FakeStatus {
  readonly sha: string;
  readonly state: string;
  readonly context: string;
  readonly description: string;
  readonly url: string | undefined;
}

export type ForgeKind = "github" | "gitlab" | "gitea";

/** Who asks a fake forge. */
export interface FakeCaller {
  readonly name: string;
  /** Whether the forge tells it who it is: tokens of jobs may not ask. */
  readonly knowsItself: boolean;
  readonly mayWrite: boolean;
}

export const forgeTokens: Readonly<Record<string, (kind: ForgeKind) => FakeCaller>> = {
  "made-up-token": () => ({ name: "tidemill-bot", knowsItself: true, mayWrite: true }),
  "made-up-job-token": (kind) => ({ name: jobAccounts[kind], knowsItself: false, mayWrite: true }),
  "made-up-read-token": (kind) => ({ name: jobAccounts[kind], knowsItself: false, mayWrite: false }),
};
const jobAccounts = { github: "github-actions[bot]", gitlab: "project_1_bot", gitea: "gitea-actions" } as const;

/** A check run as it stands. */
export interface FakeCheck {
  readonly id: number;
  readonly sha: string;
  readonly app: string;
  body: Readonly<Record<string, unknown>>;
}

export interface ReportState {
  readonly comments: Map<number, FakeComment[]>;
  readonly statuses: FakeStatus[];
  readonly checks: FakeCheck[];
  next: number;
}

export interface ReportQuestion {
  readonly kind: ForgeKind;
  readonly caller: FakeCaller;
  readonly method: string;
  /** Behind the API's address. */
  readonly path: string;
  readonly ask: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  /** Of the repository, as the kind writes it in paths. */
  readonly repo: string;
}

type Answer = readonly [status: number, value: unknown];

const most = { body: 65_536, description: { github: 140, gitlab: 255, gitea: 1000 }, perPage: 100 } as const;
const states: Readonly<Record<ForgeKind, readonly string[]>> = {
  github: ["error", "failure", "pending", "success"],
  gitlab: ["pending", "running", "success", "failed", "canceled", "skipped"],
  gitea: ["pending", "success", "error", "failure", "warning"],
};

/** Comments and statuses of one kind of forge, as its documentation has them; undefined for other questions. GitHub REST API 2022-11-28, GitLab REST API 4, Gitea API 1. */
export function answerReports(question: ReportQuestion, state: ReportState): Answer | undefined {
  const { kind, caller, path, method, repo } = question;
  if (path === "/user") {
    const field = kind === "gitlab" ? "username" : "login";
    return caller.knowsItself ? [200, { id: 1, [field]: caller.name }] : refused(kind);
  }
  if (!path.startsWith(repo)) return undefined;
  const rest = path.slice(repo.length);
  const [, sha] = /^\/statuses\/([0-9a-f]+)$/.exec(rest) ?? [];
  if (sha !== undefined && method === "POST") return caller.mayWrite ? setStatus(question, sha, state) : refused(kind);
  const check = kind === "github" ? answerChecks(question, rest, state) : undefined;
  if (check !== undefined) return check;
  const [, number, of, id] =
    /^\/(?:issues|merge_requests)\/(\d+)\/(comments|notes)(?:\/(\d+))?$/.exec(rest) ??
    /^\/issues\/()(comments)\/(\d+)$/.exec(rest) ??
    [];
  if (of === undefined || (of === "notes") !== (kind === "gitlab")) return undefined;
  if (method === "GET") return [200, pageOf(question, state.comments.get(Number(number)) ?? [])];
  if (!caller.mayWrite) return refused(kind);
  if (method === "POST") return addComment(question, Number(number), state);
  const found = [...state.comments.values()].flat().find((one) => `${one.id}` === id);
  if (found === undefined) return [404, { message: "Not Found" }];
  if (method === "DELETE") {
    for (const [pull, list] of state.comments)
      state.comments.set(
        pull,
        list.filter((one) => one !== found),
      );
    return [204, undefined];
  }
  if (method !== (kind === "gitlab" ? "PUT" : "PATCH")) return [405, { message: "Method Not Allowed" }];
  const text = textOf(question);
  if (text === undefined) return [422, { message: "Validation Failed" }];
  found.body = text;
  return [200, viewOf(kind, found)];
}

/** Check runs: anybody reads, and only an app writes, its own. GitHub REST API 2022-11-28, Checks. */
function answerChecks(
  { caller, method, ask, body, kind }: ReportQuestion,
  rest: string,
  state: ReportState,
): Answer | undefined {
  const [, of] = /^\/commits\/([0-9a-f]{40})\/check-runs$/.exec(rest) ?? [];
  const view = ({ id, sha, body: said }: FakeCheck): unknown => ({
    ...said,
    id,
    head_sha: sha,
    html_url: `https://github.example/runs/${id}`,
  });
  if (of !== undefined && method === "GET") {
    const found = state.checks.filter((one) => one.sha === of && one.body["name"] === ask.get("check_name"));
    return [200, { total_count: found.length, check_runs: found.map(view) }];
  }
  const [, id] = /^\/check-runs(?:\/(\d+))?$/.exec(rest) ?? [undefined, undefined];
  if (!rest.startsWith("/check-runs")) return undefined;
  if (caller.knowsItself) return [403, { message: "You must authenticate via a GitHub App." }];
  if (!caller.mayWrite) return refused(kind);
  const output = body["output"] as { title?: unknown; summary?: unknown } | undefined;
  const isPlain =
    body["status"] === "completed" &&
    ["success", "failure", "neutral"].includes(String(body["conclusion"])) &&
    typeof output?.title === "string" &&
    typeof output.summary === "string" &&
    output.summary.length <= 65_535;
  if (!isPlain) return [422, { message: "Invalid request." }];
  if (method === "POST" && id === undefined) {
    const { head_sha: sha, ...said } = body;
    if (typeof sha !== "string" || sha.length !== 40) return [422, { message: "No commit found for SHA" }];
    const made = { id: state.next, sha, app: caller.name, body: said };
    state.next += 1;
    state.checks.push(made);
    return [201, view(made)];
  }
  const found = state.checks.find((one) => `${one.id}` === id);
  if (method !== "PATCH" || found === undefined) return [404, { message: "Not Found" }];
  found.body = { ...found.body, ...body };
  return [200, view(found)];
}

function addComment(question: ReportQuestion, number: number, state: ReportState): Answer {
  const text = textOf(question);
  if (text === undefined)
    return [422, { message: "Validation Failed", errors: ["body is too long (maximum is 65536 characters)"] }];
  const made = { id: state.next, author: question.caller.name, body: text };
  state.next += 1;
  state.comments.set(number, [...(state.comments.get(number) ?? []), made]);
  return [201, viewOf(question.kind, made)];
}

/** What a comment is to say; line ends are kept as a browser sends them. */
function textOf({ body }: ReportQuestion): string | undefined {
  const text = body["body"];
  return typeof text === "string" && text !== "" && text.length <= most.body
    ? text.replaceAll("\n", "\r\n").trimEnd()
    : undefined;
}

/** GitHub gives 30 a page and 100 at most, the oldest first; GitLab 20, the newest first where it is not asked otherwise; Gitea all, whatever page is asked for. */
function pageOf({ kind, ask }: ReportQuestion, comments: readonly FakeComment[]): unknown[] {
  const views = comments.map((one) => viewOf(kind, one));
  if (kind === "gitea") return views;
  const size = Math.min(most.perPage, Number(ask.get("per_page") ?? (kind === "github" ? 30 : 20)));
  const from = size * (Number(ask.get("page") ?? 1) - 1);
  const isNewestFirst = kind === "gitlab" && ask.get("sort") !== "asc";
  return (isNewestFirst ? views.toReversed() : views).slice(from, from + size);
}

function setStatus({ kind, body }: ReportQuestion, sha: string, state: ReportState): Answer {
  const said = body["state"];
  const context = body[kind === "gitlab" ? "name" : "context"];
  const description = body["description"] ?? "";
  const url = body["target_url"];
  const isPlain =
    typeof said === "string" &&
    states[kind].includes(said) &&
    typeof context === "string" &&
    typeof description === "string" &&
    description.length <= most.description[kind] &&
    (url === undefined || (typeof url === "string" && /^https?:\/\//.test(url)));
  if (!isPlain || sha.length !== 40) return [422, { message: "Validation Failed" }];
  const last = state.statuses.findLast((one) => one.sha === sha && one.context === context);
  if (kind === "gitlab" && last?.state === said)
    return [400, { message: `Cannot transition status via :${said} from :${said}` }];
  state.statuses.push({ sha, state: said, context, description, url });
  return [201, { id: state.statuses.length, state: said }];
}

function refused(kind: ForgeKind): Answer {
  return [403, { message: kind === "github" ? "Resource not accessible by integration" : "403 Forbidden" }];
}

function viewOf(kind: ForgeKind, { id, body, author }: FakeComment): unknown {
  return kind === "gitlab"
    ? { id, body, author: { id: 1, username: author }, system: false }
    : { id, body, user: { login: author }, html_url: `https://${kind}.example/acme/stack/pull/1#issuecomment-${id}` };
}
