// Runs `sleep` in a container as the installation that the first argument names, until somebody kills this process.
import { createDockerEngine } from "../docker-engine.ts";
import { defaultRunLimits } from "../types.ts";
import { fetchBusybox, makeImage } from "./made-image.ts";

const { source, manifest } = await makeImage([{ "bin/busybox": await fetchBusybox() }]);
await createDockerEngine(process.argv[2] ?? "").run({
  source,
  manifest,
  platform: { os: "linux", architecture: "amd64" },
  command: ["/bin/busybox", "sleep", "300"],
  network: false,
  limits: { ...defaultRunLimits, timeoutMs: 300_000 },
});
