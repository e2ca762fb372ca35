import type { RunOrder } from "./types.ts";

/** Characters. GitHub takes 25 inputs of 65,535 characters in all. GitHub, Workflow syntax: on.workflow_dispatch.inputs. */
const most = { reason: 1000, causes: 20_000, bases: 20_000, all: 60_000 };

/** What a pipeline is told, each as one text: for APIs whose inputs are texts. What is left out where there is too much is counted. */
export function runInputs(order: RunOrder): Readonly<Record<string, string>> {
  const { rebuild, name, image, repository, platforms, reason, causes, bases, source, noCache, callback } = order;
  return {
    rebuild,
    tag: name,
    image,
    repository,
    platforms: platforms.join(","),
    reason: shorten(reason, most.reason),
    causes: boundedList(causes, most.causes),
    bases: JSON.stringify(bases),
    source: source ?? "",
    no_cache: String(noCache),
    ...(callback === undefined ? {} : { callback: callback.url, token: callback.token }),
  };
}

/** Why an order is too large to be told; undefined where it is not. Bases are never left out: what is built on another digest than the planned one is not what was asked for. */
export function tooLarge(order: RunOrder): string | undefined {
  const inputs = runInputs(order);
  if ((inputs["bases"] ?? "").length > most.bases)
    return `the digests of its bases have more than ${most.bases} characters`;
  const all = Object.entries(inputs).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return all > most.all ? `its inputs have more than ${most.all} characters` : undefined;
}

function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  // Half of a pair of surrogates is no letter.
  return `${text.slice(0, limit - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

/** As much of a list, from its beginning, as its JSON has room for; a last entry counts what is left out. */
function boundedList(list: readonly Readonly<Record<string, unknown>>[], limit: number): string {
  const room = limit - 40;
  const kept: string[] = [];
  let size = 2;
  for (const one of list) {
    const text = JSON.stringify(one);
    if (size + text.length + 1 > room) break;
    kept.push(text);
    size += text.length + 1;
  }
  const left = list.length - kept.length;
  return `[${[...kept, ...(left === 0 ? [] : [JSON.stringify({ leftOut: left })])].join(",")}]`;
}
