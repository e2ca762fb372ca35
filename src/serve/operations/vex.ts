import type { Config } from "../../core/config/index.ts";
import type { BaseVex, Store, VexStatementRow } from "../../io/store/index.ts";
import type { Clock } from "../../lib/index.ts";
import {
  formatInstant,
  OperationError,
  type BaseWordView,
  type OperationHandlers,
  type VexStatementView,
} from "../../operation/index.ts";
import { requireImage } from "./find-name.ts";

export interface VexDeps {
  readonly config: Config;
  readonly store: Store;
  readonly clock: Clock;
}

type Handlers = Pick<OperationHandlers, "vexAdd" | "vexList" | "vexRemove">;

/**
 * What people say of vulnerabilities: put down, listed, and taken back, each in the audit chain. Throws NOT_FOUND for an image that is not declared and a statement that is not there, BAD_INPUT for an
 * end that has passed and a status without what OpenVEX demands of it.
 */
export function createVex({ config, store, clock }: VexDeps): Handlers {
  return {
    vexAdd: async ({ by, author, until, image, justification, package: name, ...said }) => {
      if (image !== undefined) requireImage(config, image);
      if ((said.status === "not_affected") !== (justification !== undefined)) {
        const why = justification === undefined ? "not_affected needs a justification" : `${said.status} takes none`;
        throw new OperationError("BAD_INPUT", `vex: ${why}`, {
          hint: "A justification says why something is not affected, and belongs to that status alone.",
        });
      }
      const end = until === undefined ? null : Date.parse(until);
      if (end !== null && end <= clock.now())
        throw new OperationError("BAD_INPUT", `vex: ${until} has passed: it would count for nothing`, {
          hint: "Name a later end, or none.",
        });
      const row = await store.saveVexStatement({
        ...said,
        package: name ?? null,
        image: image ?? null,
        justification: justification ?? null,
        author: author ?? by,
        until: end,
        who: by,
      });
      return { statement: describe(row, clock.now()) };
    },
    vexList: async ({ image }) => {
      const rows = await store.loadVexStatements();
      const some = image === undefined ? rows : rows.filter((row) => row.image === null || row.image === image);
      const bases = (await store.loadBaseVex()).map(describeBase);
      return { statements: some.map((row) => describe(row, clock.now())), bases };
    },
    vexRemove: async ({ statement, image, by, reason }) => {
      const rows = await store.loadVexStatements();
      const named = rows.filter(
        ({ id, vulnerability }) =>
          vulnerability.toLowerCase() === statement.toLowerCase() ||
          (statement.length >= 6 && id.startsWith(statement)),
      );
      const some = image === undefined ? named : named.filter((row) => row.image === image);
      if (some.length === 0)
        throw new OperationError("NOT_FOUND", `nothing is said of "${statement}"`, {
          hint: "`tidemill vex list` shows what is, with its ids.",
        });
      const removed = await store.saveVexStatementsRemoved(
        some.map(({ id }) => id),
        { who: by, reason },
      );
      return { removed: removed.map((row) => describe(row, clock.now())) };
    },
  };
}

function describeBase({ base, digest, statements, problems, askedAt }: BaseVex): BaseWordView {
  const authors = [...new Set(statements.map(({ author }) => author))].sort();
  const asked = formatInstant(askedAt);
  return { base, digest, statements: statements.length, authors, asked, problems: [...problems] };
}

function describe(row: VexStatementRow, now: number): VexStatementView {
  const { id, vulnerability, package: name, image, status, justification, reason, author, until, createdAt } = row;
  return {
    id,
    vulnerability,
    package: name,
    image,
    status,
    justification,
    reason,
    author,
    since: formatInstant(createdAt),
    until: until === null ? null : formatInstant(until),
    expired: until !== null && until <= now,
  };
}
