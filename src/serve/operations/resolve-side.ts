import type { ImageSource } from "../../core/image/index.ts";
import { openImage, type RegistryClient } from "../../io/registry/index.ts";
import type { ImageDigest } from "../../io/store/index.ts";
import type { Context } from "../../loop/context.ts";
import { matchDigest, OperationError } from "../../operation/index.ts";
import { remoteName } from "./remote-name.ts";

/** An image that a person named, of the fleet or of anywhere. */
export interface OpenedSide {
  readonly source: ImageSource;
  /** Tag or digest to ask the source for. */
  readonly reference: string;
  /** What was put down when it was built; only for images of the fleet. */
  readonly known: ImageDigest | undefined;
  close(): Promise<void>;
}

export interface SideDeps {
  /** For references that are not of the fleet. */
  readonly client: RegistryClient;
  /** Whether layouts and archives of this machine are looked at: not for those who ask from elsewhere. */
  readonly localFiles: boolean;
  /** Without it only references, layouts and archives are known. */
  readonly fleet?: Context;
}

/**
 * What `text` names: `IMAGE`, `IMAGE@DIGEST` or `IMAGE:ENVIRONMENT` of the fleet, where there is one, else any reference, layout or archive. Throws NOT_FOUND and BAD_INPUT
 * for the fleet's, UNSUPPORTED for files where they are not looked at, and what opening an image throws.
 */
export async function resolveSide(text: string, { client, fleet, localFiles }: SideDeps): Promise<OpenedSide> {
  const own = fleet === undefined ? undefined : await resolveOwn(text, fleet);
  if (own !== undefined) return own;
  const reference = localFiles ? text : remoteName("diff", text);
  return { ...(await openImage(reference, client)), known: undefined };
}

async function resolveOwn(text: string, fleet: Context): Promise<OpenedSide | undefined> {
  const [, image = "", mark, rest = ""] = /^([^@:/]+)(?:([@:])(.+))?$/.exec(text) ?? [];
  if (!Object.hasOwn(fleet.config.images, image)) return undefined;
  const environments = fleet.config.environments.map(({ name }) => name);
  if (mark === ":" && !environments.includes(rest)) return undefined;
  const { store } = fleet;
  const open = async (digest: ImageDigest["digest"]): Promise<OpenedSide> => ({
    source: fleet.repositoryOf(image),
    reference: digest,
    known: await store.loadImageDigest(image, digest),
    close: () => Promise.resolve(),
  });
  const digests = await store.loadImageDigests(image);
  if (mark === "@")
    return open(
      matchDigest(
        rest,
        digests.map(({ digest }) => digest),
        image,
      ),
    );
  const environment = mark === ":" ? rest : environments.at(-1);
  const pointers = await store.loadPointers(image);
  const running = pointers.find((one) => one.environment === environment)?.digest;
  const chosen = running ?? (mark === ":" ? undefined : digests[0]?.digest);
  if (chosen !== undefined) return open(chosen);
  throw new OperationError(
    "NOT_FOUND",
    mark === ":" ? `${image} does not run in ${rest}` : `${image} has not been built yet`,
    { hint: `\`tidemill history ${image}\` shows what was done with it.` },
  );
}
