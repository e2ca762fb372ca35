import { UsageError } from "./usage-error.ts";

/** `IMAGE` or `IMAGE@DIGEST` in its parts; the digest may be only its beginning, with or without `sha256:`. */
export function parseImageReference(text: string): { readonly image: string; readonly digest?: string } {
  const [image = "", digest, ...rest] = text.split("@");
  if (image === "" || digest === "" || rest.length > 0) {
    throw new UsageError("BAD_USAGE", `"${text}" is not IMAGE or IMAGE@DIGEST`, {
      hint: "`tidemill status` names the images.",
    });
  }
  return digest === undefined ? { image } : { image, digest };
}
