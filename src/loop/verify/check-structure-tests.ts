import { resolve } from "node:path";
import type { CheckConfig } from "../../core/config/index.ts";
import type { ImageSource } from "../../core/image/index.ts";
import {
  commandOfTest,
  environmentOfTest,
  judgeCommandTest,
  judgeStructureTests,
  maxStructureTests,
  parseStructureTests,
  type StructureTests,
} from "../../core/structure-tests/index.ts";
import { defaultRunLimits, type RunEngine } from "../../io/engine/index.ts";
import { readFiles, type PlatformImage } from "../../io/layer/index.ts";
import { messageOf, printable, readTextFile } from "../../lib/index.ts";
import { whyNotRun } from "./check-run.ts";
import { lastLines } from "./last-lines.ts";
import { onceMore } from "./once-more.ts";
import type { CheckResult } from "./types.ts";

type StructureTestsCheck = Extract<CheckConfig, { structureTests: unknown }>;
type Outcome = Pick<CheckResult, "verdict" | "messages" | "log">;

interface Subject {
  readonly source: ImageSource;
  readonly image: PlatformImage;
  /** Folder of the configuration: the files are relative to it. */
  readonly home: string;
  readonly engine: RunEngine | undefined;
}

const mostMessages = 20;

/** Holds one platform of the candidate to files of container-structure-test. Without an engine their commands are not run, which is said; all else is read from the candidate's own layers. */
export async function checkStructureTests(
  check: StructureTestsCheck,
  subject: Subject,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const wrong: string[] = [];
  const notRun = new Set<string>();
  const log: string[] = [];
  for (const file of check.structureTests) {
    const say = (what: string): void => void wrong.push(`${file}: ${what}`);
    try {
      const parsed = parseStructureTests(await readTextFile(resolve(subject.home, file), maxStructureTests));
      if (parsed.kind === "invalid") {
        for (const problem of parsed.problems) wrong.push(`${file}:${problem}`);
        continue;
      }
      for (const one of await checkFiles(parsed.tests, subject, signal)) say(one);
      const reason = await runCommands(
        check,
        parsed.tests,
        subject,
        { say, log: (text) => void log.push(text) },
        signal,
      );
      if (reason !== undefined)
        notRun.add(`${file}: ${parsed.tests.commandTests.length} commands were not run: ${reason}`);
    } catch (error) {
      signal?.throwIfAborted();
      say(messageOf(error));
    }
  }
  const said = log.length === 0 ? {} : { log: log.join("\n") };
  if (wrong.length > 0) return { verdict: "failed", messages: atMost(wrong), ...said };
  if (notRun.size > 0) return { verdict: "not_run", messages: atMost([...notRun]), ...said };
  return { verdict: "passed", messages: [], ...said };
}

async function checkFiles(
  tests: StructureTests,
  { source, image }: Subject,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const paths = tests.fileContentTests.map(({ path }) => path);
  const read = paths.length === 0 ? [] : await readFiles(source, image, paths, signal);
  const contents = new Map(
    [...read].map(
      ([path, one]) => [path, "bytes" in one ? { text: Buffer.from(one.bytes).toString("utf8") } : one] as const,
    ),
  );
  return judgeStructureTests(tests, { tree: image.tree, config: image.config.config, contents });
}

/** Runs the commands one after the other, each in a container of its own; a reason where none can be. */
async function runCommands(
  { timeout, network, writable }: StructureTestsCheck,
  tests: StructureTests,
  { source, image, engine }: Subject,
  { say, log }: { readonly say: (what: string) => void; readonly log: (text: string) => void },
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  if (tests.commandTests.length === 0) return undefined;
  const reason = await whyNotRun(engine, image);
  if (engine === undefined || reason !== undefined) return reason ?? "no engine is configured that could run it";
  const { user } = tests.containerRunOptions;
  for (const test of tests.commandTests) {
    const env = environmentOfTest(tests.globalEnvVars, test.envVars, image.config.config?.Env ?? []);
    const request = {
      source,
      manifest: image.parsed,
      platform: image.platform,
      command: commandOfTest(test),
      env,
      network,
      writable,
      ...(user === undefined ? {} : { user }),
      limits: { ...defaultRunLimits, timeoutMs: timeout },
    };
    const end = await onceMore(() => engine.run(request, signal), signal);
    log(`${test.name}:\n${end.output}`);
    const found =
      end.end === "timeout"
        ? [`it did not end within ${timeout} ms`]
        : end.end === "out-of-memory"
          ? ["it used more memory than it may"]
          : judgeCommandTest(test, end);
    if (found.length === 0) continue;
    for (const one of found) say(`${test.name}: ${one}`);
    for (const line of lastLines(end.output).slice(-5)) say(`${test.name}: ${line}`);
  }
  return undefined;
}

function atMost(messages: readonly string[]): string[] {
  const shown = messages.slice(0, mostMessages).map((one) => printable(one.slice(0, 500)));
  return messages.length <= mostMessages ? shown : [...shown, `and ${messages.length - mostMessages} more`];
}
