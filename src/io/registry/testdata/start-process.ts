import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** An embedded registry in a process of its own. */
export interface RegistryProcess {
  readonly host: string;
  readonly problems: readonly string[];
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

export async function startProcess(dir: string): Promise<RegistryProcess> {
  const script = fileURLToPath(new URL("registry-worker.ts", import.meta.url));
  const child = spawn(process.execPath, [script, dir], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(child, "exit");
  const line = await Promise.race([
    once(createInterface({ input: child.stdout }), "line").then(([text]) => String(text)),
    gone.then(([status]) => Promise.reject(new Error(`the registry ended with ${status}`))),
  ]);
  return {
    ...(JSON.parse(line) as { host: string; problems: string[] }),
    kill: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
}
