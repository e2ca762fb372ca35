/** The operations that can be asked by GET, without the token, and the fields that their query may hold. */
export const readQueries = {
  status: ["image"],
  summary: [],
  plan: [],
  why: ["image", "digest"],
  history: ["image", "environment", "limit", "before"],
} as const;

export type ReadName = keyof typeof readQueries;

/** Whether `name` can be asked by GET. */
export function isReadName(name: string): name is ReadName {
  return Object.hasOwn(readQueries, name);
}

/** A query as an operation's input: text, and `limit` as a number where it is one. What is not a field stays, and is refused with a name. */
export function readQuery(query: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, name === "limit" && value !== "" ? Number(value) : value]),
  );
}
