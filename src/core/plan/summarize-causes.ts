import type { Cause } from "./types.ts";

const most = 5;

/** Why a rebuild exists, in one line of at most five causes. */
export function summarizeCauses(causes: readonly Cause[]): string {
  const said = causes.map(summarize);
  return said.length > most
    ? `${said.slice(0, most - 1).join(", ")} and ${said.length - most + 1} more`
    : said.join(", ");
}

function summarize(cause: Cause): string {
  switch (cause.kind) {
    case "package":
      return `${cause.source} ${cause.to}`;
    case "parent":
      return `${cause.image} is rebuilt`;
    case "base":
      return `${cause.name} moved`;
    case "source":
      return cause.from === undefined ? "never built" : "its recipe changed";
    case "schedule":
      return "its schedule";
    case "person":
      return `${cause.who}: ${cause.reason}`;
  }
}
