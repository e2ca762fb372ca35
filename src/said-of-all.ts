import type { OwnStatement } from "./core/advisory/index.ts";
import type { Config } from "./core/config/index.ts";
import { messageOf } from "./lib/index.ts";
import { loadVex } from "./loop/load-vex.ts";
import { repositoryName } from "./loop/context.ts";
import type { SaidOfAll } from "./serve/operations/scan/index.ts";

/** What people (`loadOwn`) and the documents of a configuration in `home` say of vulnerabilities. What cannot be had sets nothing aside, and is told. */
export async function loadSaidOfAll(
  config: Config,
  home: string,
  loadOwn: () => Promise<readonly OwnStatement[]>,
): Promise<SaidOfAll> {
  const notes: string[] = [];
  const { statements, problems } = await loadVex({ config, home });
  const own = await loadOwn().catch((error: unknown) => {
    notes.push(`what people say of vulnerabilities could not be asked for: ${messageOf(error)}`);
    return [];
  });
  return {
    own,
    documents: statements,
    notes: [...problems, ...notes],
    imageOf: (subject) =>
      Object.keys(config.images).find((image) => {
        const repository = repositoryName(config, image);
        return subject === image || subject === repository || subject.endsWith(`/${repository}`);
      }),
  };
}
