/** The operations that can be asked by GET, and the fields that their query may hold. */
export const readQueries = {
  status: ["image"],
  summary: [],
  images: ["name", "recipe", "environment", "labels", "limit", "cursor"],
  rebuilds: ["image", "state", "lane", "labels", "limit", "cursor"],
  promotions: ["image", "environment", "kind", "state", "labels", "limit", "cursor"],
  plan: [],
  why: ["image", "digest"],
  gate: ["image", "environment", "digest"],
  history: ["image", "environment", "limit", "before"],
} as const;

export type ReadName = keyof typeof readQueries;

/** Whether `name` can be asked by GET. */
export function isReadName(name: string): name is ReadName {
  return Object.hasOwn(readQueries, name);
}

/** A query as an operation's input: text, `limit` as a number where it is one, `labels` as often as they are given. What is not a field stays, and is refused with a name; so is what is given twice. */
export function readQuery(query: URLSearchParams): Record<string, unknown> {
  const input = Object.create(null) as Record<string, unknown>;
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name);
    const [value] = values;
    if (name === "labels") input[name] = values;
    else if (values.length > 1) input[name] = values;
    else input[name] = name === "limit" && value !== "" ? Number(value) : value;
  }
  return input;
}
