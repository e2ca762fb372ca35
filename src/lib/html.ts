import { printable } from "./display.ts";

/** HTML that was put together here: its values are escaped already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Html | undefined | readonly (Html | undefined)[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * A piece of HTML. Every value but Html itself is escaped for text and quoted attributes, and what is unprintable in it is made visible: names,
 * labels and logs come from packages and people. Never put a value into a script, a style, or an attribute without quotes.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(parts.map((part, index) => part + render(values[index])).join(""));
}

function render(value: Value): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "string" || typeof value === "number") {
    return printable(String(value)).replaceAll(/[&<>"']/g, (character) => entities[character] ?? "");
  }
  return value.map((item) => item?.text ?? "").join("");
}
