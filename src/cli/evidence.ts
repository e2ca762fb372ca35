import { formatBytes, printable, shortDigest } from "../lib/index.ts";
import type { OperationOutput } from "../operation/index.ts";
import { absolutePath } from "./absolute-path.ts";
import { command, withConnection } from "./command.ts";
import { parseImageReference } from "./image-reference.ts";
import { UsageError } from "./usage-error.ts";
import { plural } from "./wording.ts";

type Output =
  | { readonly did: "attach"; readonly answer: OperationOutput<"evidenceAttach"> }
  | { readonly did: "export"; readonly answer: OperationOutput<"evidenceExport"> };

export const evidence = command<Output>({
  usage: "evidence <action> <image[@digest]>",
  summary:
    "What is known of a digest (of what the last environment names): sign it and put it beside it now (attach), or all of it in one tar that anybody can verify offline (export)",
  options: [
    { flags: "--output <file>", description: "with export: where it is written (./IMAGE-DIGEST.evidence.tar)" },
  ],
  examples: [
    [
      "tidemill evidence export web",
      "SBOMs, provenance, checks, logs, signatures, the audit rows, and how to verify them",
    ],
    ["tidemill evidence export web@3f2a9c01b2de --output web.tar", "of one digest"],
    ["tidemill evidence attach web", "what was promoted before evidence was signed"],
  ],
  run: (context, asked) => {
    const action = asked.argument("action");
    if (action !== "attach" && action !== "export")
      throw new UsageError("BAD_USAGE", `evidence ${action}: there is no such action`, {
        hint: "Known are attach, export.",
      });
    const named = parseImageReference(asked.argument("image[@digest]"));
    const start = named.digest === undefined ? "" : `-${named.digest.replace("sha256:", "").slice(0, 12)}`;
    const to = absolutePath(asked.text("output") ?? `${named.image.replaceAll("/", "-")}${start}.evidence.tar`);
    return withConnection(context, async ({ operations }): Promise<Output> =>
      action === "attach"
        ? { did: "attach", answer: await operations.evidenceAttach(named) }
        : { did: "export", answer: await operations.evidenceExport({ ...named, to }) },
    );
  },
  json: ({ answer }) => answer,
  print: (output) => {
    if (output.did === "export") {
      const { path, bytes, files, sha256 } = output.answer;
      return `${printable(path)}: ${plural(files, "file")}, ${formatBytes(bytes)}, ${sha256}. README.md in it says how to verify it.`;
    }
    const { answer } = output;
    if (answer.kind === "refused")
      return `REFUSED\n${answer.reasons.map((reason) => `  ${printable(reason)}`).join("\n")}`;
    const what = answer.added === 0 ? "All of it stood there" : `${plural(answer.added, "piece")} put`;
    return `${what} beside ${printable(answer.image)}@${shortDigest(answer.digest)}.`;
  },
  outcome: (output) => (output.did === "attach" && output.answer.kind === "refused" ? "refused" : "ok"),
});
