import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerDeployments, type FakeDeployment } from "./fake-deployments.ts";
import {
  answerReports,
  forgeTokens,
  type FakeCaller,
  type FakeCheck,
  type FakeComment,
  type FakeStatus,
  type ForgeKind as Kind,
  type ReportState,
} from "./fake-reports.ts";

interface Pull {
  number: number;
  head: string;
  base: string;
  title: string;
  body: string;
  labels: string[];
  state: "open" | "closed" | "merged";
  endedBy: string | undefined;
}

/** In place of what a question would be answered with. */
export interface SpoiltAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A forge over HTTP: as much of the documented API of each kind as pull requests need, and as strict. */
export interface FakeForge {
  readonly api: string;
  readonly pulls: readonly Pull[];
  /** Comments of a pull request, the oldest first. */
  readonly comments: (number: number) => readonly FakeComment[];
  /** Writes a comment as somebody else does. */
  readonly comment: (number: number, author: string, body: string) => void;
  readonly statuses: readonly FakeStatus[];
  /** Check runs, GitHub's alone. */
  readonly checks: readonly FakeCheck[];
  readonly deployments: readonly FakeDeployment[];
  /** The answer to the next question that writes is lost after it took effect. */
  readonly loseAnswer: () => void;
  /** The question after so many others gets no answer, before or after it took effect; resolves when it is asked. */
  readonly stall: (after: number, hasEffect: boolean) => Promise<void>;
  /** After so many more questions it was asked too often, for a second: then as many are free again. */
  readonly limitTo: (questions: number) => void;
  /** `METHOD path` of each question, without its query. */
  readonly asked: readonly string[];
  /** Ends a pull request as a person does by hand. */
  readonly end: (number: number, state: "closed" | "merged", by: string) => void;
  /** What the next questions are answered with, in place of what would be: as often as there are answers. */
  readonly spoil: (
    ...answers: readonly {
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: string;
    }[]
  ) => void;
  readonly close: () => Promise<void>;
}

export const forgeToken = "made-up-token";
const repository = "acme/stack";
const most = { title: 255, body: 65_536 };

/** Serves `acme/stack` of one kind of forge on loopback. `branchExists` tells whether a branch is there: nothing is opened from one that is not. */
export async function startForge(
  kind: Kind,
  branchExists: (branch: string) => boolean = () => true,
): Promise<FakeForge> {
  const pulls: Pull[] = [];
  const asked: string[] = [];
  const spoiled: SpoiltAnswer[] = [];
  const state: ReportState = { comments: new Map(), statuses: [], checks: [], next: 1 };
  const deployments: FakeDeployment[] = [];
  const lost = { next: false };
  let still: { left: number; readonly hasEffect: boolean; readonly reached: () => void } | undefined;
  const limit = { most: Infinity, left: Infinity, from: 0 };
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const url = new URL(request.url ?? "/", "http://forge");
      asked.push(`${request.method} ${url.pathname}`);
      const isStill = still !== undefined && (still.left -= 1) < 0;
      if (isStill && still?.hasEffect === false) {
        still.reached();
        return;
      }
      const spoil = spoiled.shift();
      if (spoil !== undefined) {
        response
          .writeHead(spoil.status, { "content-type": "application/json", ...spoil.headers })
          .end(spoil.body ?? "{}");
        return;
      }
      const caller = callerOf(kind, request);
      if (caller === undefined) {
        answer(response, 401, { message: "401 Unauthorized" });
        return;
      }
      if (limit.left <= 0 && Date.now() >= limit.from) limit.left = limit.most;
      if (limit.left <= 0) {
        response.setHeader("x-ratelimit-remaining", "0");
        response.setHeader("x-ratelimit-reset", `${Math.ceil(limit.from / 1000)}`);
        answer(response, 403, { message: "API rate limit exceeded" });
        return;
      }
      limit.left -= 1;
      limit.from = Date.now() + 1000;
      const question = { url, method: request.method ?? "", body, pulls, branchExists };
      const reported = answerReports(
        {
          ...question,
          kind,
          caller,
          path: url.pathname.slice(roots[kind].length),
          ask: url.searchParams,
          repo: repos[kind],
        },
        state,
      );
      const path = url.pathname.slice(`${roots[kind]}${repos[kind]}`.length);
      const news =
        reported ??
        answerDeployments(
          { ...question, kind, mayWrite: caller.mayWrite, path, ask: url.searchParams },
          deployments,
          state.statuses,
        );
      const [status, value] = news ?? handlers[kind](question);
      if (isStill) {
        still?.reached();
        return;
      }
      if (lost.next && request.method !== "GET") {
        lost.next = false;
        request.socket.destroy();
        return;
      }
      answer(response, status, value);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    api: `http://127.0.0.1:${port}${roots[kind]}`,
    pulls,
    comments: (number) => state.comments.get(number) ?? [],
    comment: (number, author, body) => {
      const made = { id: state.next, author, body };
      state.next += 1;
      state.comments.set(number, [...(state.comments.get(number) ?? []), made]);
    },
    statuses: state.statuses,
    checks: state.checks,
    deployments,
    stall: (after, hasEffect) =>
      new Promise((resolve) => {
        still = {
          left: after,
          hasEffect,
          reached: () => {
            still = undefined;
            resolve();
          },
        };
      }),
    loseAnswer: () => void (lost.next = true),
    limitTo: (questions) => Object.assign(limit, { most: questions, left: questions }),
    asked,
    end: (number, state, by) => {
      const found = pulls.find((one) => one.number === number);
      if (found?.state !== "open") throw new Error(`${number} is not open`);
      Object.assign(found, { state, endedBy: by });
    },
    spoil: (...answers) => void spoiled.push(...answers),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const roots: Readonly<Record<Kind, string>> = { github: "/api/v3", gitlab: "/api/v4", gitea: "/api/v1" };
const repos: Readonly<Record<Kind, string>> = {
  github: `/repos/${repository}`,
  gitlab: `/projects/${encodeURIComponent(repository)}`,
  gitea: `/repos/${repository}`,
};

/** Who asks, by a token that is sent as the kind wants it; undefined for nobody. */
function callerOf(kind: Kind, request: IncomingMessage): FakeCaller | undefined {
  const { headers } = request;
  const token =
    kind === "github"
      ? githubTokenOf(request)
      : kind === "gitlab"
        ? [headers["private-token"]].flat()[0]
        : /^token (.+)$/.exec(headers.authorization ?? "")?.[1];
  return token !== undefined && Object.hasOwn(forgeTokens, token) ? forgeTokens[token]?.(kind) : undefined;
}

/** The token of a question to GitHub; undefined where it has none, or is not asked as its API wants to be. */
export function githubTokenOf({ headers }: IncomingMessage): string | undefined {
  const isWellAsked =
    headers.accept === "application/vnd.github+json" &&
    headers["x-github-api-version"] === "2022-11-28" &&
    headers["user-agent"] !== undefined;
  return isWellAsked ? /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] : undefined;
}

interface Question {
  readonly url: URL;
  readonly method: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly pulls: Pull[];
  readonly branchExists: (branch: string) => boolean;
}
type Answer = readonly [status: number, value: unknown];

const handlers: Readonly<Record<Kind, (question: Question) => Answer>> = {
  github: (question) => {
    const { url, method, pulls, body } = question;
    const path = url.pathname.replace(`${roots.github}/repos/${repository}`, "");
    const ask = url.searchParams;
    if (path === "/pulls" && method === "GET") {
      const [owner, head] = (ask.get("head") ?? ":").split(/:(.*)/s);
      if (owner !== "acme" || ask.get("state") !== "all") return [422, { message: "Validation Failed" }];
      return [
        200,
        newest(pulls, head, ask.get("base"))
          .slice(0, Number(ask.get("per_page") ?? 30))
          .map(githubView),
      ];
    }
    if (path === "/pulls" && method === "POST")
      return opened(question, String(body["head"]), String(body["base"]), body["body"], githubView, 422);
    const [, place, number, part = ""] = /^\/(pulls|issues)\/(\d+)(?:\/(\w+))?$/.exec(path) ?? [];
    const found = pulls.find((one) => `${one.number}` === number);
    if (found === undefined) return [404, { message: "Not Found" }];
    if (place === "issues" && part === "" && method === "GET")
      return [200, { closed_by: found.endedBy === undefined ? null : { login: found.endedBy } }];
    if (place === "issues" && part === "labels" && method === "POST") return labelled(found, body["labels"]);
    if (place === "pulls" && part === "" && method === "PATCH")
      return changed(found, body, body["body"], body["state"] === "closed", githubView);
    return [404, { message: "Not Found" }];
  },
  gitlab: (question) => {
    const { url, method, pulls, body } = question;
    const path = url.pathname.replace(`${roots.gitlab}/projects/${encodeURIComponent(repository)}`, "");
    const ask = url.searchParams;
    if (path === "/merge_requests" && method === "GET")
      return [
        200,
        newest(pulls, ask.get("source_branch") ?? undefined, ask.get("target_branch"))
          .slice(0, Number(ask.get("per_page") ?? 20))
          .map(gitlabView),
      ];
    if (path === "/merge_requests" && method === "POST") {
      const answered = opened(
        question,
        String(body["source_branch"]),
        String(body["target_branch"]),
        body["description"],
        gitlabView,
        409,
      );
      const made = pulls.at(-1);
      if (answered[0] === 201 && made !== undefined && typeof body["labels"] === "string")
        made.labels = body["labels"].split(",");
      return answered;
    }
    const [, number, part = ""] = /^\/merge_requests\/(\d+)(?:\/(\w+))?$/.exec(path) ?? [];
    const found = pulls.find((one) => `${one.number}` === number);
    if (found === undefined) return [404, { message: "404 Not found" }];
    if (part === "" && method === "PUT")
      return changed(found, body, body["description"], body["state_event"] === "close", gitlabView);
    return [404, { message: "404 Not found" }];
  },
  gitea: (question) => {
    const { url, method, pulls, body } = question;
    const path = url.pathname.replace(`${roots.gitea}/repos/${repository}`, "");
    const ask = url.searchParams;
    if (path === "/labels" && method === "GET") return [200, [{ id: 7, name: "tidemill" }]];
    if (path === "/pulls" && method === "GET") {
      const state = ask.get("state");
      const some = pulls.filter((one) => (state === "open") === (one.state === "open")).toReversed();
      // A server may give fewer a page than it is asked for: this one gives two.
      const from = 2 * (Number(ask.get("page") ?? 1) - 1);
      return [200, some.slice(from, from + 2).map(giteaView)];
    }
    if (path === "/pulls" && method === "POST") {
      const answered = opened(question, String(body["head"]), String(body["base"]), body["body"], giteaView, 409);
      const made = pulls.at(-1);
      if (answered[0] === 201 && made !== undefined && Array.isArray(body["labels"]) && body["labels"].includes(7))
        made.labels = ["tidemill"];
      return answered;
    }
    const [, place, number, part = ""] = /^\/(pulls|issues)\/(\d+)(?:\/(\w+))?$/.exec(path) ?? [];
    const found = pulls.find((one) => `${one.number}` === number);
    if (found === undefined) return [404, { message: "The target couldn't be found." }];
    if (place === "pulls" && part === "" && method === "PATCH")
      return changed(found, body, body["body"], body["state"] === "closed", giteaView);
    return [404, { message: "The target couldn't be found." }];
  },
};

function newest(pulls: readonly Pull[], head: string | undefined, base: string | null): Pull[] {
  return pulls.filter((one) => one.head === head && one.base === base).toReversed();
}

function opened(
  { pulls, body, branchExists }: Question,
  head: string,
  base: string,
  text: unknown,
  view: (pull: Pull) => unknown,
  twice: number,
): Answer {
  const title = body["title"];
  const isPlain =
    typeof title === "string" && title.length <= most.title && typeof text === "string" && text.length <= most.body;
  if (!isPlain || !branchExists(head) || !branchExists(base)) return [422, { message: "Validation Failed" }];
  if (pulls.some((one) => one.head === head && one.base === base && one.state === "open"))
    return [twice, { message: `A pull request already exists for acme:${head}.` }];
  // Numbers are shared with issues.
  const made: Pull = {
    number: 2 * pulls.length + 1,
    head,
    base,
    title,
    body: text,
    labels: [],
    state: "open",
    endedBy: undefined,
  };
  pulls.push(made);
  return [201, view(made)];
}

function changed(
  found: Pull,
  { title }: Question["body"],
  text: unknown,
  closes: boolean,
  view: (pull: Pull) => unknown,
): Answer {
  if (typeof title === "string") found.title = title;
  // Forges keep line ends as a browser sends them.
  if (typeof text === "string") found.body = text.replaceAll("\n", "\r\n");
  if (closes && found.state === "open") Object.assign(found, { state: "closed", endedBy: "tidemill-bot" });
  return [200, view(found)];
}

function labelled(found: Pull, labels: unknown): Answer {
  if (!Array.isArray(labels)) return [422, { message: "Validation Failed" }];
  found.labels = labels.map(String);
  return [200, []];
}

function githubView({ number, title, body, state, endedBy }: Pull): unknown {
  const merged =
    state === "merged" ? { merged_at: "2026-01-01T00:00:00Z", merged_by: { login: endedBy } } : { merged_at: null };
  return {
    number,
    html_url: `https://github.example/acme/stack/pull/${number}`,
    state: state === "open" ? "open" : "closed",
    title,
    body,
    ...merged,
  };
}

function gitlabView({ number, title, body, state, endedBy }: Pull): unknown {
  const by = endedBy === undefined ? null : { username: endedBy };
  return {
    iid: number,
    web_url: `https://gitlab.example/acme/stack/-/merge_requests/${number}`,
    state: state === "open" ? "opened" : state,
    title,
    description: body,
    merge_user: state === "merged" ? by : null,
    closed_by: state === "closed" ? by : null,
  };
}

function giteaView({ number, title, body, state, endedBy, head, base }: Pull): unknown {
  const merged =
    state === "merged" ? { merged: true, merged_by: { login: endedBy } } : { merged: false, merged_by: null };
  return {
    number,
    html_url: `https://gitea.example/acme/stack/pulls/${number}`,
    state: state === "open" ? "open" : "closed",
    title,
    body,
    head: { ref: head },
    base: { ref: base },
    ...merged,
  };
}

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const text = Buffer.concat(pieces).toString("utf8");
  return text === "" ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>);
}

function answer(response: ServerResponse, status: number, value: unknown): void {
  response
    .writeHead(status, { "content-type": "application/json" })
    .end(value === undefined ? "" : JSON.stringify(value));
}
