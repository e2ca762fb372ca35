// Starts the build that the first argument describes, until somebody kills this process.
import { createBuildahBuilder } from "../buildah-builder.ts";
import { createBuildctlBuilder } from "../buildctl-builder.ts";
import { createDockerBuilder } from "../docker-builder.ts";
import type { BuildEngine, BuildRequest } from "../types.ts";
import type { EngineName } from "./build-site.ts";

const { engine, options, request } = JSON.parse(process.argv[2] ?? "") as {
  engine: EngineName;
  options: { instance: string; dir: string; program: string; address: string };
  request: BuildRequest;
};
const { instance, dir } = options;
const base = { instance, dir, env: process.env };
const make: Record<EngineName, () => BuildEngine> = {
  classic: () => createDockerBuilder({ ...base, builder: "classic" }),
  buildkit: () => createDockerBuilder({ ...base, builder: "buildkit" }),
  buildx: () => createDockerBuilder(base),
  buildah: () => createBuildahBuilder(base),
  buildctl: () => createBuildctlBuilder({ ...base, program: options.program, address: options.address }),
};
await make[engine]().build(request, () => undefined, new AbortController().signal);
