import { readFile } from "node:fs/promises";
import { messageOf, printable } from "../lib/index.ts";
import { evidenceKinds } from "../core/evidence/index.ts";
import type { TextRule } from "../core/access/index.ts";
import { claimNames, type ClaimName } from "../core/signature/index.ts";
import type { OperationRequest, Verified } from "../operation/index.ts";
import { command, withConnection, type Asked } from "./command.ts";
import { readEvidencePolicy } from "./evidence-policy.ts";
import type { Screen } from "./screen.ts";
import { renderTable } from "./table.ts";
import { UsageError } from "./usage-error.ts";

export const verify = command<Verified>({
  usage: "verify <reference>",
  summary:
    "Whether an image in a registry is signed, and has the evidence that is demanded: by a public key, or by the keys and the policy of a configuration; without any network but the registry",
  options: [
    { flags: "--key <file>", description: "a public key that counts (those of the configuration)", repeats: true },
    {
      flags: "--identity <subject>",
      description:
        "an e-mail address, URI or name of a user whose evidence counts, by a certificate; /…/ for a pattern that matches all of it",
    },
    { flags: "--issuer <address>", description: "who vouches for that identity; /…/ for a pattern" },
    { flags: "--trusted-root <file>", description: "Sigstore's trusted_root.json: whose certificates and logs count" },
    {
      flags: "--claim <name=value>",
      description: "what else the certificate has to say: sourceRepository=https://…",
      repeats: true,
    },
    {
      flags: "--policy [file]",
      description: "demand what that policy file demands; without a file what the configuration demands of a promotion",
    },
    { flags: "--require <kinds>", description: `demand these: ${evidenceKinds.join(", ")}; commas join` },
    { flags: "-e, --environment <name>", description: "a verification has to be for this environment, and passed" },
  ],
  examples: [
    ["tidemill verify registry.example/team/web:1.4 --key tidemill.pub", "is it signed by that key?"],
    [
      "tidemill verify registry.example/team/web:1.4 --trusted-root trusted_root.json --issuer https://token.actions.githubusercontent.com --identity '/https://github.com/team/web/.*/'",
      "is it signed by a workflow of that repository?",
    ],
    ["tidemill verify registry.example/team/web@sha256:… --policy -e production", "might it go to production?"],
    ["tidemill verify registry.example/team/web:1.4 --policy policy.yaml", "by a file: what, by whom, how old"],
    [
      "tidemill verify registry.example/team/web:1.4 --key tidemill.pub --require sbom,provenance",
      "before it is believed",
    ],
  ],
  run: async (context, asked) => {
    const keys = await Promise.all(asked.list("key").map(readKey));
    const identities = await readIdentity(asked);
    const required = kindsOf(asked.text("require"));
    const environment = asked.text("environment");
    const file = asked.text("policy");
    if (file !== undefined && keys.length + identities.length + (required?.length ?? 0) > 0)
      throw new UsageError(
        "BAD_USAGE",
        "--policy FILE says who signs and what is demanded: nothing else does beside it",
      );
    const rules = file === undefined ? undefined : await readEvidencePolicy(file);
    return withConnection(
      context,
      ({ operations }) =>
        operations.verify({
          reference: asked.argument("reference"),
          keys,
          identities,
          policy: asked.flag("policy"),
          ...(required === undefined ? {} : { require: required }),
          ...(environment === undefined ? {} : { environment }),
          ...(rules === undefined ? {} : { rules }),
        }),
      { stateless: true },
    );
  },
  print: printVerified,
  outcome: ({ verdict }) => (verdict === "refused" ? "refused" : "ok"),
});

/** The identity that the options name, if they name one. */
async function readIdentity(asked: Asked): Promise<OperationRequest<"verify">["identities"]> {
  const [subject, issuer, root] = [asked.text("identity"), asked.text("issuer"), asked.text("trusted-root")];
  const claims = asked.list("claim");
  if (subject === undefined && issuer === undefined && root === undefined && claims.length === 0) return [];
  if (subject === undefined || issuer === undefined || root === undefined)
    throw new UsageError("BAD_USAGE", "--identity, --issuer and --trusted-root go together", {
      hint: "Without the issuer anybody could have that name, without a root nobody says so.",
    });
  const trustedRoot = await readOption("--trusted-root", root);
  return [{ subject: textRule(subject), issuer: textRule(issuer), trustedRoot, claims: claimsOf(claims) }];
}

function claimsOf(written: readonly string[]): Partial<Record<ClaimName, TextRule>> {
  return Object.fromEntries(
    written.map((word) => {
      const at = word.indexOf("=");
      const name = claimNames.find((one) => one === word.slice(0, at));
      if (name !== undefined) return [name, textRule(word.slice(at + 1))];
      throw new UsageError("BAD_USAGE", `--claim ${word}: there is no such claim`, {
        hint: `Known are ${claimNames.join(", ")}.`,
      });
    }),
  );
}

/** `/…/` is a pattern, everything else the text itself: no URI and no address begins with a slash. */
function textRule(written: string): TextRule {
  const isPattern = written.length > 2 && written.startsWith("/") && written.endsWith("/");
  return isPattern ? { pattern: written.slice(1, -1) } : written;
}

/** A public key in a file. */
export async function readKey(path: string): Promise<string> {
  return readOption("--key", path);
}

async function readOption(option: string, path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError("BAD_USAGE", `${option} ${path} cannot be read: ${messageOf(error)}`);
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
