import { printable } from "../../lib/index.ts";

/**
 * `url` without credentials and query, for messages and the store. The user of an ssh address stays: it is a login name that the address is nothing without,
 * while over https a token may stand in its place. Takes any text and throws nothing.
 */
export function publicUrl(url: string): string {
  const bare = url.replace(/[?#].*$/s, "");
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*:\/\/)(.*)$/is.exec(bare) ?? [];
  if (scheme === "") return printable(withoutPassword(bare));
  const slash = rest.indexOf("/");
  const authority = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash < 0 ? "" : rest.slice(slash);
  const kept = scheme.toLowerCase() === "ssh://" ? withoutPassword(authority) : authority.replace(/^.*@/s, "");
  return printable(`${scheme}${kept}${path}`);
}

/** `user:password@` as `user@`, in text that has no scheme before it. */
function withoutPassword(text: string): string {
  return text.replace(/^([^/:@]*):[^/]*@/s, "$1@");
}
