import type { Store } from "../../io/store/index.ts";
import {
  operationNames,
  operations,
  parseInput,
  type OperationName,
  type Operations,
  type Principal,
} from "../../operation/index.ts";

export type RecordWrites = Pick<Store, "saveAudit">;

/** Fields of an input that say what it is about. All others stay out of the record: they may be long, or nobody's business. */
const told = [
  "image",
  "images",
  "environment",
  "digest",
  "reason",
  "to",
  "from",
  "token",
  "session",
  "name",
  "roles",
  "labels",
];

/**
 * Puts down who asks for what, before it is done: what an operation writes by itself does not always say by which credential it came. Reading leaves no row. Throws what the store
 * throws: what cannot be recorded is not done.
 */
export async function recordWrite(
  store: RecordWrites,
  principal: Principal,
  name: OperationName,
  input: unknown,
): Promise<void> {
  if (operations[name].effect === "read") return;
  const given = typeof input === "object" && input !== null ? Object.entries(input) : [];
  const said = given.filter(([field, value]) => told.includes(field) && value !== undefined);
  const by = given.find(([field]) => field === "by")?.[1];
  const actor = principal.kind === "local" && typeof by === "string" ? by : principal.name;
  const { kind, credential, run } = principal;
  const who = { caller: kind, credential, ...(run === undefined ? {} : { run }) };
  await store.saveAudit(actor, "asked", { ...Object.fromEntries(said), operation: name, ...who });
}

/** Operations whose writes are recorded as one caller's: for commands that work in the state themselves. */
export function recordedOperations(bare: Operations, store: RecordWrites, principal: Principal): Operations {
  const bind = (name: OperationName) => async (input: unknown) => {
    const checked = parseInput(name, input);
    await recordWrite(store, principal, name, checked);
    return (bare[name] as (input: unknown) => Promise<unknown>)(checked);
  };
  return Object.fromEntries(operationNames.map((name) => [name, bind(name)])) as unknown as Operations;
}
