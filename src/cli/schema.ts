import { command } from "./command.ts";

export const schema = command<object>({
  usage: "schema",
  summary: "JSON Schema of tidemill.yaml: editors complete and check with it",
  examples: [
    [
      "tidemill schema > tidemill.schema.json",
      "then `# yaml-language-server: $schema=tidemill.schema.json` on the first line",
    ],
  ],
  run: async (context) => (await context.load()).configSchema(),
  print: (output) => JSON.stringify(output, null, 2),
});
