import { isDigest } from "../../lib/index.ts";
import type { Descriptor } from "./types.ts";

export type Fields = Readonly<Record<string, unknown>>;
/** Makes the error to throw from a sentence that says what is wrong. */
export type Refuse = (why: string) => Error;

const mediaTypeShape = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/** Whether `value` is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Checks a descriptor found at `where`. image-spec, descriptor.md. Unknown fields stay. */
export function checkDescriptor(value: unknown, where: string, refuse: Refuse): Descriptor {
  if (!isFields(value)) throw refuse(`${where} is not an object`);
  checkKeys(value, descriptorKeys, where, refuse);
  const { mediaType, digest, size, annotations, platform, artifactType } = value;
  if (typeof mediaType !== "string" || !mediaTypeShape.test(mediaType))
    throw refuse(`${where}.mediaType is not a media type`);
  if (typeof digest !== "string" || !isDigest(digest)) throw refuse(`${where}.digest is not a sha256 or sha512 digest`);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw refuse(`${where}.size is not a count of bytes`);
  if (artifactType !== undefined && typeof artifactType !== "string")
    throw refuse(`${where}.artifactType is not a text`);
  checkTexts(annotations, `${where}.annotations`, refuse);
  checkPlatform(platform, `${where}.platform`, refuse);
  return value as unknown as Descriptor;
}

/** Checks that `value`, where there is one, is an object of texts. */
export function checkTexts(value: unknown, where: string, refuse: Refuse): void {
  if (value === undefined || value === null) return;
  if (!isFields(value) || !Object.values(value).every((each) => typeof each === "string")) {
    throw refuse(`${where} is not an object of texts`);
  }
}

/** Refuses keys that differ from a known one only in case: readers disagree on whether they are the same key. */
export function checkKeys(value: Fields, known: ReadonlyMap<string, string>, where: string, refuse: Refuse): void {
  for (const key of Object.keys(value)) {
    const meant = known.get(key.toLowerCase());
    if (meant !== undefined && meant !== key)
      throw refuse(`${where} has "${key}", which some would read as "${meant}"`);
  }
}

/** Known keys by their lower-case form, for {@link checkKeys}. */
export function keysByLowerCase(...keys: readonly string[]): ReadonlyMap<string, string> {
  return new Map(keys.map((key) => [key.toLowerCase(), key]));
}

const descriptorKeys = keysByLowerCase(
  "mediaType",
  "digest",
  "size",
  "annotations",
  "platform",
  "artifactType",
  "urls",
  "data",
);

function checkPlatform(value: unknown, where: string, refuse: Refuse): void {
  if (value === undefined || value === null) return;
  if (!isFields(value)) throw refuse(`${where} is not an object`);
  for (const key of ["os", "architecture"])
    if (typeof value[key] !== "string") throw refuse(`${where}.${key} is not a text`);
  if (value.variant !== undefined && typeof value.variant !== "string") throw refuse(`${where}.variant is not a text`);
}
