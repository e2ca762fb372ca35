import { parsePlatform } from "../image/index.ts";
import type { DockerfileInput } from "./types.ts";

/** The arguments that a FROM may use without declaring them. Dockerfile reference, Automatic platform ARGs in the global scope. */
export function platformArguments({ platform, buildPlatform = platform }: DockerfileInput): Record<string, string> {
  return { ...describe("TARGET", platform), ...describe("BUILD", buildPlatform) };
}

function describe(prefix: string, text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  const { os, architecture, variant = "" } = parsePlatform(text);
  return {
    [`${prefix}PLATFORM`]: text,
    [`${prefix}OS`]: os,
    [`${prefix}ARCH`]: architecture,
    [`${prefix}VARIANT`]: variant,
  };
}
