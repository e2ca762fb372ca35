import { stat } from "node:fs/promises";
import { parseReference, referenceTarget, type ImageSource } from "../../core/image/index.ts";
import type { RegistryClient } from "./client/create-registry-client.ts";
import { RegistryError } from "./error.ts";
import { openDockerArchive } from "./open-docker-archive.ts";
import { isLayout, openLayout } from "./open-layout.ts";

/** An image as a person names it: where its bytes are, and the tag or digest to ask for. */
export interface OpenedImage {
  readonly source: ImageSource;
  readonly reference: string;
  /** Lets files go; a registry's connections stay with their client. */
  close(): Promise<void>;
}

/**
 * Finds the image that `text` means: `oci:FOLDER[:TAG]`, `docker-archive:FILE[:TAG]`, a folder or file that exists, else
 * a name in a registry. Throws BAD_LAYOUT, BAD_ARCHIVE, or BAD_REFERENCE.
 */
export async function openImage(text: string, client: RegistryClient): Promise<OpenedImage> {
  const scheme = /^(oci|docker-archive|docker):(?:\/\/)?/.exec(text);
  const rest = text.slice(scheme?.[0].length ?? 0);
  if (scheme?.[1] === "oci") return openFolder(rest);
  if (scheme?.[1] === "docker-archive") return openArchive(rest);
  const kind = scheme === null ? await kindOf(text) : undefined;
  if (kind === "folder" && (await isLayout(text))) return openFolder(text);
  if (kind === "file") return openArchive(text);
  if (kind !== undefined && /^[./]/.test(text)) {
    throw new RegistryError("BAD_LAYOUT", `${text} is a folder, but not an OCI layout`);
  }
  const reference = parseReference(rest);
  return {
    source: client.repository(reference),
    reference: referenceTarget(reference),
    close: () => Promise.resolve(),
  };
}

async function openFolder(text: string): Promise<OpenedImage> {
  const [path, reference] = await splitTag(text);
  return { source: await openLayout(path), reference, close: () => Promise.resolve() };
}

async function openArchive(text: string): Promise<OpenedImage> {
  const [path, reference] = await splitTag(text);
  const source = await openDockerArchive(path);
  return { source, reference, close: () => source.close() };
}

/** Path and tag or digest. What exists as a path is one, colons and all. */
async function splitTag(text: string): Promise<[string, string]> {
  if ((await kindOf(text)) !== undefined) return [text, "latest"];
  const at = text.indexOf("@sha");
  const colon = at >= 0 ? at : text.lastIndexOf(":");
  return colon > 0 ? [text.slice(0, colon), text.slice(colon + 1)] : [text, "latest"];
}

function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  return stat(path).then(
    (found) => (found.isDirectory() ? "folder" : "file"),
    () => undefined,
  );
}
