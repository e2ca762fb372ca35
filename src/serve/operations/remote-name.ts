import { OperationError } from "../../operation/index.ts";

const hints = {
  check: "`tidemill check` itself reads layouts and archives.",
  scan: "`tidemill scan` itself reads layouts, archives, folders and SBOMs.",
  inventory: "`tidemill inventory` itself reads layouts, archives, folders and SBOMs.",
  rebase: "`tidemill rebase` itself reads and writes layouts.",
  diff: "`tidemill diff` itself reads layouts and archives while no server holds the fleet.",
} as const;

/** `image` as the name of one in a registry, even where a file has the same name; throws UNSUPPORTED for what is written as a path. Reading needs no token: who may ask a server need not be who may read this machine's files. */
export function remoteName(operation: keyof typeof hints, image: string): string {
  if (!/^(?:oci|docker-archive|dir|sbom):|^[./~]/.test(image))
    return image.startsWith("docker:") ? image : `docker:${image}`;
  throw new OperationError("UNSUPPORTED", `${operation}: a server looks at images in registries only`, {
    hint: hints[operation],
  });
}
