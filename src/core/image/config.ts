import { isDigest } from "../../lib/index.ts";
import { ImageError } from "./error.ts";
import { checkTexts, isFields, type Fields } from "./descriptor.ts";
import type { ImageConfig } from "./types.ts";

/** Bytes that an image's config may have. */
export const configLimit = 8 * 1024 * 1024;

/** The image config in `bytes`, its unknown fields kept; throws BAD_CONFIG. image-spec, config.md. */
export function parseConfig(bytes: Uint8Array): ImageConfig {
  const fields = parseFields(bytes);
  for (const key of ["os", "architecture"]) {
    if (typeof fields[key] !== "string") throw refuse(`${key} is not a text`);
  }
  for (const key of ["created", "variant"]) {
    if (fields[key] !== undefined && typeof fields[key] !== "string") throw refuse(`${key} is not a text`);
  }
  const { rootfs, config, history } = fields;
  if (!isFields(rootfs) || rootfs.type !== "layers" || !Array.isArray(rootfs.diff_ids)) {
    throw refuse("rootfs is not a list of layers");
  }
  if (!rootfs.diff_ids.every((id) => typeof id === "string" && isDigest(id))) throw refuse("a diff ID is not a digest");
  if (config !== undefined && config !== null) checkExecution(config);
  if (history !== undefined && history !== null && !(Array.isArray(history) && history.every(isFields))) {
    throw refuse("history is not a list of objects");
  }
  return withoutNulls(fields) as unknown as ImageConfig;
}

/** Docker writes null where the specification means an absent field. */
function withoutNulls(fields: Fields): Fields {
  const present = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
  return isFields(present.config) ? { ...present, config: withoutNulls(present.config) } : present;
}

function checkExecution(config: unknown): void {
  if (!isFields(config)) throw refuse("config is not an object");
  for (const key of ["Env", "Entrypoint", "Cmd"]) {
    const value = config[key];
    if (
      value !== undefined &&
      value !== null &&
      !(Array.isArray(value) && value.every((each) => typeof each === "string"))
    ) {
      throw refuse(`config.${key} is not a list of texts`);
    }
  }
  for (const key of ["User", "WorkingDir", "StopSignal"]) {
    const value = config[key];
    if (value !== undefined && value !== null && typeof value !== "string") throw refuse(`config.${key} is not a text`);
  }
  checkTexts(config.Labels, "config.Labels", refuse);
  for (const key of ["ExposedPorts", "Volumes"]) {
    const value = config[key];
    if (value !== undefined && value !== null && !isFields(value)) throw refuse(`config.${key} is not an object`);
  }
}

function parseFields(bytes: Uint8Array): Fields {
  if (bytes.byteLength > configLimit) throw refuse(`it is larger than ${configLimit} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ImageError("BAD_CONFIG", "not an image config: it is not JSON in UTF-8", { cause });
  }
  if (!isFields(value)) throw refuse("it is not a JSON object");
  return value;
}

function refuse(why: string): ImageError {
  return new ImageError("BAD_CONFIG", `not an image config: ${why}`);
}
