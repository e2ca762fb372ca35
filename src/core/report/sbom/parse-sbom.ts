import { isDigest, printable, type Digest } from "../../../lib/index.ts";
import type { Inventory } from "../../inventory/index.ts";
import { readCyclonedx } from "./read-cyclonedx.ts";
import { readSpdx } from "./read-spdx.ts";
import { readSyft } from "./read-syft.ts";
import { SbomCollector } from "./sbom-collector.ts";

/** What a bill of materials tells: as much of an inventory as it holds. */
export type ParsedSbom =
  | {
      readonly kind: "ok";
      readonly format: "cyclonedx" | "spdx" | "syft";
      readonly specVersion: string;
      readonly inventory: Inventory;
      /** Of what the bill is of, where it says. */
      readonly subject: string | undefined;
      readonly digest: Digest | undefined;
    }
  | { readonly kind: "invalid"; readonly message: string };

/** Bytes of a bill that is read. */
export const maxSbomBytes = 256 * 1_048_576;

/**
 * Reads an SBOM: CycloneDX JSON 1.2 to 1.7, SPDX JSON 2.2 and 2.3, or syft's own JSON. Packages are what has a purl of a type that advisories are matched by; everything else that looks like a package
 * is counted and makes the inventory `unknown`. The bill's word is taken for what is installed. Never throws for what the bill says.
 */
export function parseSbom(text: string): ParsedSbom {
  if (text.length > maxSbomBytes) return { kind: "invalid", message: `it is larger than ${maxSbomBytes} bytes` };
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    const isXml = /^\s*</.test(text.slice(0, 100));
    return {
      kind: "invalid",
      message: isXml ? "it is XML: only SBOMs in JSON are read" : "it is no whole JSON document",
    };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { kind: "invalid", message: "it is no JSON object" };
  const collector = new SbomCollector();
  const read = readAs(value as Readonly<Record<string, unknown>>, collector);
  if ("message" in read) return { kind: "invalid", message: read.message };
  const { packages, problems, os } = collector.finish();
  return {
    kind: "ok",
    format: read.format,
    specVersion: read.specVersion,
    inventory: {
      platform: { os: "linux", architecture: "unknown" },
      os,
      packages,
      status: problems.length === 0 ? "complete" : "unknown",
      system: problems.length === 0 ? "complete" : "unknown",
      problems: problems.map((problem) => printable(problem.slice(0, 1000))),
    },
    subject: read.subject === undefined ? undefined : printable(read.subject.slice(0, 1000)),
    digest: read.digest !== undefined && isDigest(read.digest) ? read.digest : undefined,
  };
}

/** What a reader finds of the bill itself. */
export interface SbomHead {
  readonly format: "cyclonedx" | "spdx" | "syft";
  readonly specVersion: string;
  readonly subject: string | undefined;
  readonly digest: string | undefined;
}

function readAs(
  value: Readonly<Record<string, unknown>>,
  collector: SbomCollector,
): SbomHead | { readonly message: string } {
  if (value.bomFormat === "CycloneDX") return readCyclonedx(value, collector);
  if (typeof value.spdxVersion === "string") return readSpdx(value, collector);
  if (Array.isArray(value.artifacts) && typeof value.schema === "object") return readSyft(value, collector);
  return { message: "it is neither CycloneDX, SPDX 2, nor syft's own JSON" };
}
