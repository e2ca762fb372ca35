import type { CommandTest } from "./schema.ts";

/** Program and arguments of a test. What it sets up runs before it in the same container, by the image's own shell: what that says is not the test's. */
export function commandOfTest({ setup, command, args }: CommandTest): string[] {
  const own = [command, ...args];
  if (setup.length === 0) return own;
  const steps = setup.map(
    (words, at) =>
      `{ ${words.map(quote).join(" ")}; } >/dev/null 2>&1 || { echo "setup ${at + 1} ended with $?" >&2; exit 125; }`,
  );
  return ["/bin/sh", "-c", [...steps, `exec ${own.map(quote).join(" ")}`].join("\n")];
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The variables of a test, those of all tests first; `$NAME` and `${NAME}` stand for the image's own. Go, os.Expand. */
export function environmentOfTest(
  global: CommandTest["envVars"],
  own: CommandTest["envVars"],
  image: readonly string[],
): Record<string, string> {
  const env = new Map(
    image.map((line): [string, string] => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]),
  );
  const told: Record<string, string> = {};
  for (const { key, value } of [...global, ...own]) {
    const filled = value.replaceAll(
      /\$(?:\{(\w+)\}|(\w+))/g,
      (_, braced?: string, bare?: string) => env.get(braced ?? bare ?? "") ?? "",
    );
    told[key] = filled;
    env.set(key, filled);
  }
  return told;
}
