import { readFileSync, readlinkSync } from "node:fs";

/** A process, so that another one with the same number is not taken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Boot of the machine and start of the process; undefined where the system does not say. */
  readonly started: string | undefined;
  /** Numbers of processes mean something only within one name space (a container has its own). */
  readonly space: string | undefined;
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, started: startOf(process.pid), space: spaceOf() };
}

/** Whether that process still runs; undefined where that cannot be known from here. */
export function isAlive(one: ProcessIdentity): boolean | undefined {
  if (one.space !== spaceOf()) return undefined;
  try {
    process.kill(one.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const started = startOf(one.pid);
  return started === undefined || one.started === undefined || started === one.started;
}

/** proc(5): field 22 of stat is the start in ticks since boot; the name in field 2 may hold spaces and brackets. A zombie holds nothing. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return "ended";
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

function spaceOf(): string | undefined {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return undefined;
  }
}
