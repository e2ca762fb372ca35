import type { Store } from "../../io/store/index.ts";
import type { Context } from "../../loop/context.ts";
import { digestHex } from "../../lib/index.ts";
import { formatInstant, OperationError, type OperationHandlers } from "../../operation/index.ts";

/** `log`: what the build of an image said, of the newest that said anything, or a check of its candidate. Throws NOT_FOUND where none did. */
export function createLog({ store }: Context): OperationHandlers["log"] {
  return async ({ image, rebuild: wanted, check, digest, environment }) => {
    if (check !== undefined) return loadCheckLog(store, { image, check, digest, environment });
    const rebuilds = await store.loadRebuilds({ image, limit: 100 });
    for (const { id, state } of rebuilds) {
      if (wanted !== undefined && id !== wanted) continue;
      const kept = await store.loadBuildLog(id);
      if (kept === undefined) continue;
      const { at, text, leftOut } = kept;
      return { image, rebuild: id, state, at: formatInstant(at), lines: text.split("\n"), leftOut, check: null };
    }
    throw new OperationError(
      "NOT_FOUND",
      `no build of ${image}${wanted === undefined ? "" : ` (${wanted})`} has a log`,
      {
        hint: "Images of recipe `packages` are assembled without a build; `tidemill why` says how.",
      },
    );
  };
}

type Answer = Awaited<ReturnType<OperationHandlers["log"]>>;

async function loadCheckLog(
  store: Store,
  asked: {
    readonly image: string;
    readonly check: string;
    readonly digest: string | undefined;
    readonly environment: string | undefined;
  },
): Promise<Answer> {
  const { image, check, digest, environment } = asked;
  const begin = digest?.replace(/^sha256:/, "");
  const verifications = (await store.loadVerifications({ image })).filter(
    (one) =>
      (environment === undefined || one.environment === environment) &&
      (begin === undefined || digestHex(one.digest).startsWith(begin)),
  );
  for (const one of verifications.reverse()) {
    const found = one.checks.find(({ name }) => isMeant(name, check));
    const kept = found && (await store.loadCheckLog(one.id, found.name));
    if (found === undefined || kept === undefined) continue;
    const { name, verdict } = found;
    const about = { name, digest: one.digest, environment: one.environment, verdict };
    const lines = kept.text.split("\n");
    return { image, rebuild: one.rebuild, state: verdict, at: formatInstant(kept.at), lines, leftOut: 0, check: about };
  }
  const names = [...new Set(verifications.flatMap(({ checks }) => checks.map(({ name }) => name)))];
  throw new OperationError("NOT_FOUND", `no check ${check} of ${image} has a log`, {
    hint:
      names.length === 0
        ? `\`tidemill why ${image}\` says what was checked.`
        : `It was checked by ${names.slice(0, 20).join(", ")}; those that run nothing say all they have to say in \`tidemill why ${image}\`.`,
  });
}

/** `starts` means `run: starts (linux/amd64)`; the whole name, or with its kind, means one of several. */
function isMeant(name: string, asked: string): boolean {
  const bare = name.replace(/ \([^()]*\)$/, "");
  return name === asked || bare === asked || bare.slice(bare.indexOf(": ") + 2) === asked;
}
