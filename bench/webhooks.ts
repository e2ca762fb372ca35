import { readFile } from "node:fs/promises";
import { Agent, request as httpRequest } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { openStore } from "../src/io/store/index.ts";
import { silentLogger, systemClock } from "../src/lib/index.ts";
import { startTidemill } from "../test/faults/processes.ts";
import { createSmallFleet, smallPackages, until } from "../test/faults/small-fleet.ts";
import type { BenchOptions, BenchResult } from "./main.ts";

const secret = "a secret of the bench's own";
const perSecond = 2_000;
/** Milliseconds between two handfuls. */
const tickMs = 10;

/**
 * Different deliveries to a server in a process of its own, at 2,000 a second for half a minute, by 64 connections; then the server is stopped and its database is asked
 * whether each that was accepted is there. The value is the 99th percentile of the answers.
 */
export async function runBench({ smoke, say }: BenchOptions): Promise<BenchResult> {
  const seconds = smoke ? 3 : 30;
  const webhooks = { ci: { from: "generic", secret, id: "$.run", looks: { packages: true } } };
  const small = await createSmallFleet({ webhooks, watch: { interval: "6h" } });
  await small.publish(smallPackages());
  const server = startTidemill(small, ["up"]);
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  try {
    const url = await until(
      "the server",
      () => Promise.resolve(/http:\/\/127\.0\.0\.1:\d+/.exec(server.output())?.[0]),
      60_000,
    );
    // What it builds at its start is none of this.
    await delay(smoke ? 3_000 : 10_000);
    const heldBefore = await residentBytes(server.pid);
    const { answers, times, lateMs } = await load(`${url}/hooks/ci`, agent, seconds);
    const held = await residentBytes(server.pid);
    const accepted = answers.get(202) ?? 0;
    await delay(2_000);
    await server.end("SIGTERM");
    const kept = await countKept(small.dataDir);
    const p99 = times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
    const lost = accepted - kept;
    const counted = [...answers].map(([status, count]) => `${count} of ${status}`).join(", ");
    say(
      `${seconds} s: ${counted}; p99 ${p99.toFixed(1)} ms; ${lost} lost; ${mib(heldBefore)} MiB before, ${mib(held)} after`,
    );
    if (lost !== 0) throw new Error(`${lost} deliveries were accepted and are not there`);
    return {
      name: "webhooks",
      value: Number(p99.toFixed(1)),
      unit: "ms p99",
      target: 1_000,
      peers: {},
      detail: {
        seconds,
        perSecond: Math.round((accepted / seconds) * 10) / 10,
        accepted,
        later: answers.get(429) ?? 0,
        lost,
        lateMs: Math.round(lateMs),
        memoryBefore: mib(heldBefore),
        memoryAfter: mib(held),
      },
    };
  } finally {
    agent.destroy();
    await server.end("SIGKILL");
    await small.remove();
  }
}

interface Load {
  /** How many answers had which status. */
  readonly answers: ReadonlyMap<number, number>;
  /** Milliseconds from sending to the answer. */
  readonly times: number[];
  /** How much longer it took to send all than it should. */
  readonly lateMs: number;
}

async function load(url: string, agent: Agent, seconds: number): Promise<Load> {
  const answers = new Map<number, number>();
  const times: number[] = [];
  const total = perSecond * seconds;
  const start = performance.now();
  const sent: Promise<void>[] = [];
  while (sent.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - start) / 1000) * perSecond));
    while (sent.length < due) {
      const began = performance.now();
      const one = send(url, JSON.stringify({ run: sent.length }), agent).then((status) => {
        answers.set(status, (answers.get(status) ?? 0) + 1);
        times.push(performance.now() - began);
      });
      sent.push(one);
    }
    await delay(tickMs);
  }
  const lateMs = performance.now() - start - seconds * 1000;
  await Promise.all(sent);
  return { answers, times, lateMs };
}

function send(url: string, body: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${secret}`, "content-length": Buffer.byteLength(body) };
    const request = httpRequest(url, { method: "POST", agent, headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function countKept(dir: string): Promise<number> {
  const store = await openStore({ dir }, { clock: systemClock, log: silentLogger() });
  const waiting = (await store.countWaitingEvents()).count;
  const looked = await store.removeEvents(systemClock.now() + 60_000);
  await store.close();
  return waiting + looked;
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
