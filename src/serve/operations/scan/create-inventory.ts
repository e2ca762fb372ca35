import { formatSpdx, loadCyclonedx, noLayer, scanPackages, type BomInput } from "../../../core/report/index.ts";
import { printable } from "../../../lib/index.ts";
import type { OperationHandlers, OperationRequest } from "../../../operation/index.ts";
import { readSubject, type SubjectDeps } from "./read-subject.ts";

export interface InventoryDeps extends SubjectDeps {
  readonly version: string;
}

/** What any subject holds, and as a bill of materials where one is asked for. Throws what reading a subject throws. */
export function createInventory(deps: InventoryDeps): OperationHandlers["inventory"] {
  return async (request) => {
    const { subject, platforms, created } = await readSubject("inventory", request.subject, request.platform, deps);
    const read = platforms.map(({ platform, inventory }) => ({
      platform,
      inventory,
      packages: scanPackages(inventory),
    }));
    const input: BomInput = {
      subject,
      version: deps.version,
      created,
      platforms: read.map(({ platform, inventory: { os, problems }, packages }) => ({
        platform,
        os,
        packages,
        problems,
      })),
    };
    return {
      subject: subject.name,
      kind: subject.kind,
      digest: subject.digest ?? null,
      platforms: read.map(({ platform, inventory: { os, status, problems }, packages }) => ({
        platform: platform ?? null,
        os:
          os === undefined ? null : printable((os.prettyName ?? `${os.id} ${os.versionId ?? ""}`).trim().slice(0, 200)),
        status,
        problems: [...problems],
        packages: packages.map(({ layer, path, owner, ...entry }) => ({
          ...entry,
          layer: layer === noLayer ? null : layer,
          path: path ?? null,
          owner: owner ?? null,
        })),
      })),
      document: await documentOf(request.format, input),
    };
  };
}

async function documentOf(format: OperationRequest<"inventory">["format"], input: BomInput): Promise<string | null> {
  if (format === "spdx") return formatSpdx(input);
  return format === undefined ? null : (await loadCyclonedx()).formatCyclonedx(input);
}
