import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { verifyWebhook } from "../../src/lib/index.ts";
import { githubTokenOf, type SpoiltAnswer } from "./fake-forge.ts";

/** A run of a pipeline, as whoever plays the pipeline sees it. */
export interface FakeRun {
  readonly id: number;
  /** What it was told. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Since when lists show it, by the machine's clock. */
  listedFrom: number;
  state: "running" | "succeeded" | "failed" | "cancelled";
}

export interface FakePipelines {
  /** Address of the API; of the generic one the address that is asked. */
  readonly api: string;
  readonly runs: FakeRun[];
  /** `METHOD path` of each question, without its query. */
  readonly asked: string[];
  /** What the next questions are answered with, in place of what would be. */
  readonly spoil: (...answers: readonly SpoiltAnswer[]) => void;
  readonly close: () => Promise<void>;
}

/** How a fake behaves; what is left out is as documented. */
export interface FakeOptions {
  /** Called when a run begins; what it does is the pipeline. */
  readonly onRun?: (run: FakeRun) => void;
  /** Called when a start comes, before anything of it is done; `lost`: it is not, and never answered. */
  readonly onStart?: () => "lost" | undefined;
  /** Milliseconds for which lists do not show a run yet. */
  readonly lagMs?: number;
  /** Whether a start names the run that it began: servers before 2026 refuse to be asked. */
  readonly tellsRun?: boolean;
  /** Whether the workflow has a `run-name`, the pipeline a name. */
  readonly isNamed?: boolean;
  /** Inputs that the workflow declares; all that are asked for without it. */
  readonly inputs?: readonly string[];
}

export const pipelineTokens = { write: "may-write-actions", read: "may-only-read", trigger: "glptt-made-up" };
export const httpSecret = "a secret of the pipeline";
const repository = "acme/shop";

type Answer = readonly [status: number, value: unknown];
type Handler = (request: IncomingMessage, url: URL, body: Buffer) => Answer;

/** GitHub's workflows and their runs, of `acme/shop` with `build.yml` at `main`. GitHub REST API, version 2022-11-28: Workflows, Workflow runs; limits of workflow_dispatch inputs. */
export function startGithubPipelines(options: FakeOptions = {}): Promise<FakePipelines> {
  const { lagMs = 0, tellsRun = true, isNamed = true, inputs: declared } = options;
  const begin = beginner(options, lagMs);
  const view = ({ id, state, inputs }: FakeRun) => ({
    id,
    name: "Build",
    display_title: isNamed ? `image ${inputs["tag"]}` : "Build",
    event: "workflow_dispatch",
    status: state === "running" ? "in_progress" : "completed",
    conclusion: { running: null, succeeded: "success", failed: "failure", cancelled: "cancelled" }[state],
    html_url: `https://github.example/${repository}/actions/runs/${id}`,
  });
  return serve("/api/v3", begin.runs, options, (request, url, body) => {
    const token = githubTokenOf(request);
    if (token !== pipelineTokens.write && token !== pipelineTokens.read) return [401, { message: "Bad credentials" }];
    const path = url.pathname.replace(`/api/v3/repos/${repository}/actions`, "");
    const { method } = request;
    if (path === "/workflows/build.yml" && method === "GET") return [200, { id: 7, name: "Build", state: "active" }];
    if (path === "/workflows/build.yml/dispatches" && method === "POST") {
      if (token !== pipelineTokens.write) return [403, { message: "Resource not accessible by personal access token" }];
      const asked = JSON.parse(body.toString()) as Record<string, unknown>;
      const inputs = (asked["inputs"] ?? {}) as Record<string, unknown>;
      if ("return_run_details" in asked && !tellsRun)
        return [422, { message: 'Invalid request.\n\n"return_run_details" is not a permitted key.' }];
      if (asked["ref"] !== "main") return [422, { message: `No ref found for: ${String(asked["ref"])}` }];
      const unknown = Object.keys(inputs).filter((key) => declared?.includes(key) === false);
      if (unknown.length > 0) return [422, { message: `Unexpected inputs provided: ${JSON.stringify(unknown)}` }];
      if (Object.keys(inputs).length > 25) return [422, { message: "you may only define up to 25 inputs" }];
      if (Object.values(inputs).some((value) => typeof value !== "string"))
        return [422, { message: "inputs are not strings" }];
      if (JSON.stringify(inputs).length > 65_535) return [422, { message: "inputs are too large." }];
      const run = begin.run(inputs as Record<string, string>);
      if (asked["return_run_details"] !== true) return [204, undefined];
      const { html_url } = view(run);
      return [200, { workflow_run_id: run.id, run_url: `${url.origin}/runs/${run.id}`, html_url }];
    }
    if (path === "/workflows/build.yml/runs" && method === "GET") {
      const shown = begin.runs.filter((run) => run.listedFrom <= Date.now()).toReversed();
      const since = Date.parse((url.searchParams.get("created") ?? "").replace(/^>=/, ""));
      if (Number.isNaN(since)) return [422, { message: "Validation Failed" }];
      const size = Math.min(100, Number(url.searchParams.get("per_page") ?? 30));
      const from = (Number(url.searchParams.get("page") ?? 1) - 1) * size;
      return [200, { total_count: shown.length, workflow_runs: shown.slice(from, from + size).map(view) }];
    }
    const [, id, part] = /^\/runs\/(\d+)(\/cancel)?$/.exec(path) ?? [];
    const run = begin.runs.find((one) => `${one.id}` === id);
    if (run === undefined) return [404, { message: "Not Found" }];
    if (part === undefined && method === "GET") return [200, view(run)];
    if (method !== "POST") return [404, { message: "Not Found" }];
    if (run.state !== "running") return [409, { message: "Cannot cancel a workflow run that is completed." }];
    run.state = "cancelled";
    return [202, {}];
  });
}

/** GitLab's pipelines of `acme/shop` at `main`. GitLab REST API, version 4: Pipelines, Pipeline trigger tokens. */
export function startGitlabPipelines(options: FakeOptions = {}): Promise<FakePipelines> {
  const { lagMs = 0, isNamed = true } = options;
  const begin = beginner(options, lagMs);
  const view = ({ id, state, inputs }: FakeRun) => ({
    id,
    name: isNamed ? `image ${inputs["TIDEMILL_TAG"]}` : null,
    ref: "main",
    status: { running: "running", succeeded: "success", failed: "failed", cancelled: "canceled" }[state],
    web_url: `https://gitlab.example/${repository}/-/pipelines/${id}`,
  });
  const started = (ref: unknown, told: Record<string, string>): Answer => {
    if (ref !== "main") return [400, { message: { base: ["Reference not found"] } }];
    return [201, view(begin.run(told))];
  };
  return serve("/api/v4", begin.runs, options, (request, url, body) => {
    const path = url.pathname.replace(`/api/v4/projects/${encodeURIComponent(repository)}`, "");
    const { method } = request;
    const json = (): Record<string, unknown> => JSON.parse(body.toString()) as Record<string, unknown>;
    if (path === "/trigger/pipeline" && method === "POST") {
      const { token, ref, variables = {} } = json();
      if (token !== pipelineTokens.trigger) return [404, { message: "404 Not Found" }];
      return started(ref, variables as Record<string, string>);
    }
    const token = request.headers["private-token"];
    if (token !== pipelineTokens.write && token !== pipelineTokens.read) return [401, { message: "401 Unauthorized" }];
    if (path === "/pipeline" && method === "POST") {
      if (token !== pipelineTokens.write) return [403, { message: "403 Forbidden" }];
      const { ref, variables = [] } = json();
      const list = variables as { key: string; value: string }[];
      return started(ref, Object.fromEntries(list.map(({ key, value }) => [key, value])));
    }
    if (path === "/pipelines" && method === "GET") {
      const shown = begin.runs.filter((run) => run.listedFrom <= Date.now()).toReversed();
      const size = Math.min(100, Number(url.searchParams.get("per_page") ?? 20));
      const from = (Number(url.searchParams.get("page") ?? 1) - 1) * size;
      return [200, shown.slice(from, from + size).map(view)];
    }
    const [, id, part] = /^\/pipelines\/(\d+)(\/cancel|\/variables)?$/.exec(path) ?? [];
    const run = begin.runs.find((one) => `${one.id}` === id);
    if (run === undefined) return [404, { message: "404 Not found" }];
    if (part === "/variables") {
      const told = Object.entries(run.inputs).map(([key, value]) => ({ key, value, variable_type: "env_var" }));
      return [200, told];
    }
    if (part === "/cancel" && method === "POST") {
      if (token !== pipelineTokens.write) return [403, { message: "403 Forbidden" }];
      if (run.state === "running") run.state = "cancelled";
    }
    return [200, view(run)];
  });
}

/** A pipeline that is asked by signed requests, and knows a run by the id of the request: asked again, it begins nothing. Standard Webhooks. */
export function startHttpPipelines(options: FakeOptions = {}): Promise<FakePipelines> {
  const begin = beginner(options, 0);
  const known = new Map<string, FakeRun>();
  return serve("/hook", begin.runs, options, (request, url, body) => {
    const header = (name: string): string => String(request.headers[name] ?? "");
    const signed = verifyWebhook(
      [httpSecret],
      { id: header("webhook-id"), timestamp: header("webhook-timestamp"), signature: header("webhook-signature") },
      body,
      Date.now(),
    );
    if (signed !== "signed") return [401, { error: signed }];
    const id = header("webhook-id");
    if (request.method === "POST") {
      const { data } = JSON.parse(body.toString()) as { data: Record<string, unknown> };
      const told = Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
      );
      const run = known.get(id) ?? begin.run(told);
      known.set(id, run);
      return [202, { status: `/hook/runs/${run.id}`, url: `https://ci.example/runs/${run.id}` }];
    }
    const run = begin.runs.find((one) => url.pathname === `/hook/runs/${one.id}`);
    if (run === undefined) return [404, {}];
    const state = run.state === "cancelled" ? "failed" : run.state;
    return [200, { state, ...(state === "failed" ? { reason: "the tests are red" } : {}) }];
  });
}

function beginner({ onRun }: FakeOptions, lagMs: number) {
  const runs: FakeRun[] = [];
  return {
    runs,
    run: (inputs: Record<string, string>): FakeRun => {
      const run: FakeRun = { id: 1001 + runs.length, inputs, listedFrom: Date.now() + lagMs, state: "running" };
      runs.push(run);
      setImmediate(() => onRun?.(run));
      return run;
    },
  };
}

async function serve(root: string, runs: FakeRun[], { onStart }: FakeOptions, handle: Handler): Promise<FakePipelines> {
  const asked: string[] = [];
  const spoiled: SpoiltAnswer[] = [];
  const server = createServer((request, response) => {
    void readAll(request).then((body) => {
      const url = new URL(request.url ?? "/", "http://pipelines");
      asked.push(`${request.method} ${url.pathname.slice(root.length)}`);
      if (request.method === "POST" && !url.pathname.endsWith("/cancel") && onStart?.() === "lost") return;
      const spoil = spoiled.shift();
      if (spoil !== undefined) {
        response
          .writeHead(spoil.status, { "content-type": "application/json", ...spoil.headers })
          .end(spoil.body ?? "{}");
        return;
      }
      send(response, handle(request, url, body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    api: `http://127.0.0.1:${port}${root}`,
    runs,
    asked,
    spoil: (...answers) => void spoiled.push(...answers),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(response: ServerResponse, [status, value]: Answer): void {
  response
    .writeHead(status, { "content-type": "application/json" })
    .end(value === undefined ? "" : JSON.stringify(value));
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}
