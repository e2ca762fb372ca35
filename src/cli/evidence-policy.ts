import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parseEvidencePolicy } from "../core/config/index.ts";
import { messageOf } from "../lib/index.ts";
import type { OperationRequest } from "../operation/index.ts";
import { UsageError } from "./usage-error.ts";

type Rules = NonNullable<OperationRequest<"verify">["rules"]>;

/** What a policy file demands, with the keys and roots that it names. Paths in it are relative to it. Throws BAD_USAGE. */
export async function readEvidencePolicy(path: string): Promise<Rules> {
  const parsed = parseEvidencePolicy(await read(path));
  if (parsed.kind === "invalid")
    throw new UsageError("BAD_USAGE", `--policy ${path}: ${parsed.problems.join("; ")}`, {
      hint: "docs/evidence.md shows a policy file.",
    });
  const { signers, revoked, require } = parsed.policy;
  const home = dirname(resolve(path));
  return {
    revoked: [...revoked],
    require: require.map(({ by, ...one }) => ({ ...one, ...(by === undefined ? {} : { by: [...by] }) })),
    signers: await Promise.all(
      Object.entries(signers).map(async ([name, one]) => {
        const content = await read(resolve(home, one.path));
        return one.kind === "key"
          ? { name, key: content }
          : { name, identity: { ...one.identity, trustedRoot: content } };
      }),
    ),
  };
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError("BAD_USAGE", `--policy: ${path} cannot be read: ${messageOf(error)}`);
  }
}
