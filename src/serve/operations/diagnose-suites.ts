import { Agent, request } from "undici";
import { verifyRelease, type Distro, type SuiteSource } from "../../io/distro/index.ts";
import { collectBytes, formatAge, formatSeconds, messageOf, type Clock, type Instant } from "../../lib/index.ts";
import { fail, failedBy, warn, well, type Diagnosis } from "./diagnosis.ts";

const releaseLimit = 16 * 1024 * 1024;
const day = 86_400_000;
/** A security suite has a new generation every day or two, and a signed end after a week. */
const quietSecurity = 8 * day;
/** Differences of the clocks in milliseconds. A `Date` header has whole seconds. */
const noticedSkew = 30_000;
const harmfulSkew = 300_000;

interface Answer {
  readonly bytes: Buffer;
  readonly status: number;
  readonly ms: number;
  /** How far the mirror's clock is ahead of ours; undefined where it does not say. */
  readonly skew: number | undefined;
}

/** Every suite of one mirror host: whether it answers, how old what it serves is, whether our keys verify it, and whether the clocks agree. */
export async function diagnoseSuites(
  sources: readonly SuiteSource[],
  distro: Distro,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Diagnosis[]> {
  const agent = new Agent();
  try {
    const looks = await Promise.all(sources.map((source) => diagnoseSuite(source, distro, clock, agent, signal)));
    const skews = looks.flatMap(({ skew }) => (skew === undefined ? [] : [skew]));
    return [...looks.flatMap(({ found }) => found), ...diagnoseClock(skews)];
  } finally {
    await agent.destroy();
  }
}

async function diagnoseSuite(source: SuiteSource, distro: Distro, clock: Clock, agent: Agent, signal: AbortSignal) {
  const name = `suite ${source.name}`;
  const host = new URL(source.mirror).host;
  const held = await distro.generation(source.name);
  const kept = held === undefined ? "" : `; the generation of ${dayOf(held.date)} stays in use`;
  const hint = "Is the mirror up, and is its address right? Set `mirror:` of the upstream to another one.";
  let answer: Answer;
  try {
    answer = await askRelease(source, clock, agent, signal);
  } catch (error) {
    return { found: [fail(name, `${host} does not answer: ${messageOf(error)}${kept}`, hint)], skew: undefined };
  }
  const { skew } = answer;
  if (answer.status !== 200) return { found: [fail(name, `${host} answers ${answer.status}${kept}`, hint)], skew };
  const keyring = `keyring of ${source.name}`;
  let text: string;
  try {
    text = await verifyRelease(answer.bytes, source.keys, clock.now(), source.name);
  } catch (error) {
    const advice = "The keyring is of another release, or the mirror serves something else.";
    return { found: [failedBy(keyring, error, advice)], skew };
  }
  const age = diagnoseAge(name, source, text, { host, ms: answer.ms }, clock.now());
  return { found: [age, well(keyring, `verifies what ${host} serves`)], skew };
}

/** `text` is the signed Release file. Debian repository format, Date, Valid-Until. */
function diagnoseAge(
  name: string,
  source: SuiteSource,
  text: string,
  answer: { readonly host: string; readonly ms: number },
  now: Instant,
): Diagnosis {
  const timeOf = (field: string): number => Date.parse(new RegExp(`^${field}: (.*)$`, "m").exec(text)?.[1] ?? "");
  const [date, until] = [timeOf("Date"), timeOf("Valid-Until")];
  if (Number.isNaN(date))
    return fail(name, "its Release file has no Date", "The mirror serves something else than an archive.");
  const age = formatAge((now - date) / 1000);
  const message = `${answer.host} answers in ${formatSeconds(answer.ms / 1000)}; what it serves is of ${dayOf(date)}, ${age} ago`;
  const lags = "The mirror stands still, or somebody holds back what is new. Try another mirror.";
  if (until < now) return fail(name, `${message}, and was valid until ${dayOf(until)}`, lags);
  if (source.security && now - date > quietSecurity) return warn(name, message, lags);
  return well(name, message);
}

function diagnoseClock(skews: readonly number[]): Diagnosis[] {
  const name = "clock";
  const worst = skews.toSorted((a, b) => Math.abs(b) - Math.abs(a))[0];
  if (worst === undefined) return [];
  const message = `this machine's clock is ${formatSeconds(Math.abs(worst) / 1000)} ${worst > 0 ? "behind" : "ahead of"} a mirror's`;
  const hint = "Set the clock, and keep it right with NTP: ages, cool-downs and signatures depend on it.";
  if (Math.abs(worst) >= harmfulSkew) return [fail(name, message, hint)];
  return [Math.abs(worst) >= noticedSkew ? warn(name, message, hint) : well(name, message)];
}

/** The InRelease file as the mirror has it now. RFC 9110: Date, 6.6.1; Age, RFC 9111, 5.1. */
async function askRelease(source: SuiteSource, clock: Clock, agent: Agent, signal: AbortSignal): Promise<Answer> {
  let at = new URL(`${source.mirror.replace(/\/+$/, "")}/dists/${source.suite}/InRelease`);
  for (let hop = 0; hop <= 5; hop += 1) {
    const [began, asked] = [performance.now(), clock.now()];
    const { statusCode, headers, body } = await request(at, {
      dispatcher: agent,
      headersTimeout: 10_000,
      bodyTimeout: 10_000,
      signal,
    });
    const ms = performance.now() - began;
    const location = headers["location"];
    if (statusCode >= 300 && statusCode < 400 && typeof location === "string") {
      await body.dump();
      at = new URL(location, at);
      if (!/^https?:$/.test(at.protocol)) throw new Error(`it redirects to ${at.protocol}`);
      continue;
    }
    const bytes = await collectBytes(body as AsyncIterable<Uint8Array>, releaseLimit, at.host);
    const theirs = Date.parse(typeof headers["date"] === "string" ? headers["date"] : "");
    const cached = Number(headers["age"] ?? 0) * 1000;
    const skew = Number.isNaN(theirs) || Number.isNaN(cached) ? undefined : theirs + cached - (asked + ms / 2);
    return { bytes, status: statusCode, ms, skew };
  }
  throw new Error("it redirects too often");
}

function dayOf(at: Instant): string {
  return new Date(at).toISOString().slice(0, 10);
}
