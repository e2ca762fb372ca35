/** In place of the usual words. */
export interface Template {
  readonly title?: string | undefined;
  readonly text?: string | undefined;
}

/** What may stand between double braces in a template. */
export const placeholders = [
  "event",
  "image",
  "environment",
  "code",
  "subject",
  "title",
  "digest",
  "message",
  "answer",
] as const;

type Values = Readonly<Partial<Record<(typeof placeholders)[number], string | undefined>>>;

/** Puts values in; what is not known is empty. One pass: a value that looks like a placeholder is none. */
export function fillTemplate(template: string, values: Values): string {
  return template.replaceAll(/\{\{ *([a-z]+) *\}\}/g, (_, name: string) => values[name as keyof Values] ?? "");
}

/** A placeholder of a template that there is not; undefined where all are known. */
export function unknownPlaceholder(template: string): string | undefined {
  const known: readonly string[] = placeholders;
  return [...template.matchAll(/\{\{ *([^}]*?) *\}\}/g)]
    .map(([, name = ""]) => name)
    .find((name) => !known.includes(name));
}
