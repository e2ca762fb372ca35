import { closest, type Config } from "../../core/config/index.ts";
import { OperationError } from "../../operation/index.ts";

/** Refuses an image that the configuration does not declare: NOT_FOUND, with the name that was probably meant. */
export function requireImage(config: Config, name: string): void {
  if (!Object.hasOwn(config.images, name)) throw notFound("image", name, Object.keys(config.images));
}

/** Refuses an environment that the configuration does not declare: NOT_FOUND, with the name that was probably meant. */
export function requireEnvironment(config: Config, name: string): void {
  const known = config.environments.map((environment) => environment.name);
  if (!known.includes(name)) throw notFound("environment", name, known);
}

function notFound(what: "image" | "environment", name: string, known: readonly string[]): OperationError {
  const meant = closest(name, known);
  const some = known.slice(0, 20).join(", ");
  const more = known.length > 20 ? ` and ${known.length - 20} more` : "";
  return new OperationError("NOT_FOUND", `there is no ${what} "${name}"`, {
    hint: meant === undefined ? `Known: ${some === "" ? "none" : `${some}${more}`}.` : `Did you mean "${meant}"?`,
  });
}
