import type Dockerode from "dockerode";
import type { RunLimits } from "./types.ts";

/** Of what a container says the daemon keeps nothing, or as a Podman's log does the newest 8 MiB. */
export type LogDriver = "none" | "k8s-file";

/** What holds for every container of a check: its limits, no privileges, nothing that survives it. */
export function containedBy(limits: Omit<RunLimits, "timeoutMs">, log: LogDriver): Dockerode.HostConfig {
  return {
    Tmpfs: { "/tmp": "size=64m,mode=1777", "/run": "size=16m,mode=755" },
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes,
    NanoCpus: Math.round(limits.cpus * 1e9),
    PidsLimit: limits.pids,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
    LogConfig: { Type: log, Config: log === "none" ? {} : { "max-size": "8m" } },
    RestartPolicy: { Name: "no" },
    Ulimits: [{ Name: "core", Soft: 0, Hard: 0 }],
  };
}
