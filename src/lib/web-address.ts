import { printable } from "./display.ts";

/** An address for people. What is none of the web stays out, whatever the forge says: `otherwise` stands in its place. */
export function webAddress(url: string, otherwise: string): string {
  const isOfWeb = url.length <= 2000 && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  return isOfWeb ? printable(url) : otherwise;
}
