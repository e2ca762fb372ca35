import { ImageError } from "./error.ts";
import type { Platform } from "./types.ts";

const part = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const architectures: Readonly<Record<string, string>> = { x86_64: "amd64", "x86-64": "amd64", aarch64: "arm64" };

/** `linux/arm/v7`: the parts that OCI names, with slashes. */
export function formatPlatform(platform: Platform): string {
  const base = `${platform.os}/${platform.architecture}`;
  return platform.variant === undefined ? base : `${base}/${platform.variant}`;
}

/** The platform that `text` names (`linux/amd64`, `linux/arm/v7`), with usual synonyms made canonical; throws BAD_PLATFORM. */
export function parsePlatform(text: string): Platform {
  const parts = text.slice(0, 200).split("/");
  const [os, architecture, variant] = parts;
  if (os === undefined || architecture === undefined || parts.length > 3 || !parts.every((each) => part.test(each))) {
    throw new ImageError("BAD_PLATFORM", `"${text.slice(0, 100)}" is not a platform`, {
      hint: "Write os/architecture or os/architecture/variant, as in linux/amd64 or linux/arm/v7.",
    });
  }
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

/** One spelling for what is the same machine: amd64 for x86_64, arm64 without v8, arm with its v7 said. image-spec, image-index.md. */
export function normalizePlatform(platform: Platform): Platform {
  const architecture = architectures[platform.architecture] ?? platform.architecture;
  const variant = normalizeVariant(architecture, platform.variant);
  return { os: platform.os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** Whether both name the same machine. */
export function samePlatform(a: Platform, b: Platform): boolean {
  return formatPlatform(normalizePlatform(a)) === formatPlatform(normalizePlatform(b));
}

function normalizeVariant(architecture: string, variant: string | undefined): string | undefined {
  if (
    variant === "" ||
    (architecture === "arm64" && variant === "v8") ||
    (architecture === "amd64" && variant === "v1")
  ) {
    return undefined;
  }
  return architecture === "arm" ? (variant ?? "v7") : variant;
}
