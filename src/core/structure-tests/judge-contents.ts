import { compileRegex, isInText } from "./regex.ts";

/** Bytes of the largest content in which a pattern is looked for: of what is linear in a content that somebody else chose, too. */
const largestMatched = 1_048_576;

type WantedText = string | { readonly pattern: string };

/** What somebody wants of the content of one file. */
export interface WantedContent {
  /** Absolute, as in the image. */
  readonly path: string;
  readonly contains?: readonly WantedText[] | undefined;
  readonly lacks?: readonly WantedText[] | undefined;
}

/**
 * What of the contents is not as is wanted, `PATH: what`, in their order. `contents` has what files hold by their paths, or why one was not read; one that is not there holds nothing, and is told of by whoever looks at files.
 * A text is looked for among the bytes, a pattern in what they are as UTF-8. What was found where it must not be is not repeated: it may be a secret.
 */
export function judgeContents(
  wanted: readonly WantedContent[],
  contents: ReadonlyMap<string, { readonly bytes: Uint8Array } | { readonly problem: string }>,
): string[] {
  return wanted.flatMap(({ path, contains = [], lacks = [] }) => {
    if (contains.length === 0 && lacks.length === 0) return [];
    const found = contents.get(path);
    if (found === undefined) return [`${path}: it is no file with a content`];
    if ("problem" in found) return [`${path}: ${found.problem}`];
    const patterns = [...contains, ...lacks].filter((one) => typeof one !== "string");
    if (patterns.length > 0 && found.bytes.byteLength > largestMatched)
      return [`${path}: it has ${found.bytes.byteLength} bytes, too many for a pattern`];
    const bytes = Buffer.from(found.bytes.buffer, found.bytes.byteOffset, found.bytes.byteLength);
    let text: string | undefined;
    const holds = (one: WantedText): boolean =>
      typeof one === "string"
        ? bytes.includes(one, 0, "utf8")
        : isInText(one.pattern, (text ??= bytes.toString("utf8")));
    return [
      ...unreadable([...contains, ...lacks]).map((what) => `${path}: ${what}`),
      ...contains.filter((one) => !holds(one)).map((one) => `${path}: it does not contain ${written(one)}`),
      ...lacks.filter(holds).map((one) => `${path}: it contains ${written(one)}, and must not`),
    ];
  });
}

/** Which expressions are none of RE2, each with its place in the list that wants it. */
export function wrongPatterns(
  wanted: WantedContent,
): readonly { readonly path: readonly (string | number)[]; readonly message: string }[] {
  return (["contains", "lacks"] as const).flatMap((key) =>
    (wanted[key] ?? []).flatMap((one, at) =>
      unreadable([one]).map((message) => ({ path: [key, at, "pattern"], message })),
    ),
  );
}

function unreadable(all: readonly WantedText[]): string[] {
  return all.flatMap((one) => {
    const compiled = typeof one === "string" ? undefined : compileRegex(one.pattern);
    return compiled?.kind === "wrong" ? [`no expression of RE2: ${compiled.why}`] : [];
  });
}

function written(one: WantedText): string {
  return typeof one === "string" ? JSON.stringify(one.slice(0, 200)) : `a match of ${one.pattern.slice(0, 200)}`;
}
