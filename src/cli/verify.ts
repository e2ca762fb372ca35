import { readFile } from "node:fs/promises";
import { messageOf, printable } from "../lib/index.ts";
import { evidenceKinds } from "../core/evidence/index.ts";
import type { Verified } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { UsageError } from "./usage-error.ts";

export const verify = command<Verified>({
  usage: "verify <reference>",
  summary:
    "Whether an image in a registry is signed, and has the evidence that is demanded: by a public key, or by the keys and the policy of a configuration; without any network but the registry",
  options: [
    { flags: "--key <file>", description: "a public key that counts (those of the configuration)", repeats: true },
    { flags: "--policy", description: "demand what the configuration demands of a promotion" },
    { flags: "--require <kinds>", description: `demand these: ${evidenceKinds.join(", ")}; commas join` },
    { flags: "-e, --environment <name>", description: "a verification has to be for this environment, and passed" },
  ],
  examples: [
    ["tidemill verify registry.example/team/web:1.4 --key tidemill.pub", "is it signed by that key?"],
    ["tidemill verify registry.example/team/web@sha256:… --policy -e production", "might it go to production?"],
    [
      "tidemill verify registry.example/team/web:1.4 --key tidemill.pub --require sbom,provenance",
      "before it is believed",
    ],
  ],
  run: async (context, asked) => {
    const keys = await Promise.all(asked.list("key").map(readKey));
    const required = kindsOf(asked.text("require"));
    const environment = asked.text("environment");
    return withConnection(
      context,
      ({ operations }) =>
        operations.verify({
          reference: asked.argument("reference"),
          keys,
          policy: asked.flag("policy"),
          ...(required === undefined ? {} : { require: required }),
          ...(environment === undefined ? {} : { environment }),
        }),
      { stateless: true },
    );
  },
  print: printVerified,
  outcome: ({ verdict }) => (verdict === "refused" ? "refused" : "ok"),
});

/** A public key in a file. */
export async function readKey(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError("BAD_USAGE", `--key ${path} cannot be read: ${messageOf(error)}`);
  }
}

function kindsOf(text: string | undefined): (typeof evidenceKinds)[number][] | undefined {
  return text?.split(",").map((word) => {
    const kind = evidenceKinds.find((one) => one === word.trim());
    if (kind !== undefined) return kind;
    throw new UsageError("BAD_USAGE", `--require ${word}: there is no such kind`, {
      hint: `Known are ${evidenceKinds.join(", ")}.`,
    });
  });
}

function printVerified(
  { digest, verdict, reasons, evidence, refused, problems, required }: Verified,
  screen: Screen,
): string {
  const head =
    verdict === "verified"
      ? `${screen.green("VERIFIED")} ${digest}: ${required.join(", ")}`
      : `${screen.red("REFUSED")} ${digest}`;
  const columns = [
    { title: "KIND" },
    { title: "STATEMENT", flexible: true },
    { title: "ENVIRONMENT" },
    { title: "BY" },
    { title: "COUNTS" },
  ];
  const rows = evidence.map(({ kind, predicateType, by, counts, environment, passed }) => [
    kind,
    predicateType.replace(/^https:\/\//, ""),
    environment === null ? "" : `${environment}: ${passed === true ? "passed" : "not passed"}`,
    by,
    counts ? "yes" : { text: "no", paint: screen.yellow },
  ]);
  return [
    head,
    ...reasons.map((reason) => `  ${printable(reason)}`),
    ...(rows.length === 0 ? [] : [renderTable(columns, rows, screen)]),
    ...refused.map(
      ({ kind, reason }) => `${screen.yellow("!")} ${kind ?? "something"} does not count: ${printable(reason)}`,
    ),
    ...problems.map((problem) => `${screen.yellow("!")} ${printable(problem)}`),
  ].join("\n");
}
