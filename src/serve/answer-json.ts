import { createHash } from "node:crypto";

/**
 * `value` as JSON with an ETag of its bytes; 304 and nothing else where `ifNoneMatch` names that one already (RFC 9110, 13.1.2: tags are compared weakly). The answer is kept by its caller alone, and asked
 * after every time.
 */
export function answerJson(value: object, ifNoneMatch: string | undefined): Response {
  const body = JSON.stringify(value);
  const tag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const headers = { etag: tag, "cache-control": "private, no-cache", vary: "Authorization, Cookie" };
  if (names(ifNoneMatch, tag)) return new Response(null, { status: 304, headers });
  return new Response(body, { headers: { ...headers, "content-type": "application/json" } });
}

function names(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  const tags = header.split(",").map((each) => each.trim().replace(/^W\//, ""));
  return tags.includes(tag) || tags.includes("*");
}
