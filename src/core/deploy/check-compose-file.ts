import { isMap, parseDocument } from "yaml";
import { z } from "zod";

/** As much of a service as decides whether a second container of it can run beside the first. */
const service = z.looseObject({
  ports: z.array(z.unknown()).max(1000).nullish(),
  container_name: z.unknown().optional(),
  network_mode: z.unknown().optional(),
  healthcheck: z.looseObject({ disable: z.unknown().optional() }).nullish(),
});
const file = z.looseObject({
  name: z.string().max(200).optional(),
  version: z.union([z.string().max(20), z.number()]).optional(),
  services: z.record(z.string(), z.unknown()).nullish(),
});
const longPort = z.looseObject({ published: z.union([z.string(), z.number()]).nullish() });

/** What is asked of a compose file. */
interface ComposeQuestion {
  /** By image. */
  readonly services: Readonly<Record<string, string>>;
  readonly order: "start-first" | "stop-first";
  /** Whether a container without a health check may count as healthy. */
  readonly hasSteady: boolean;
}

/** Why a service cannot be deployed as it stands in the file; of the file itself where no image is named. */
interface ComposeProblem {
  readonly image: string | undefined;
  readonly message: string;
  readonly hint?: string;
}

export interface ComposeFile {
  /** The project's name, where the file gives it. */
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly problems: readonly ComposeProblem[];
}

const maxLength = 4_194_304;

/** Reads a compose file as far as a deployment depends on it. The Compose Specification, "services". */
export function checkComposeFile(text: string, question: ComposeQuestion): ComposeFile {
  const nothing = (message: string): ComposeFile => ({
    name: undefined,
    version: undefined,
    problems: [{ image: undefined, message }],
  });
  if (text.length > maxLength) return nothing(`it is larger than ${maxLength} characters`);
  // Compose has tags of its own (!reset, !override); what they do is not asked for here.
  const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, logLevel: "silent" });
  const [error] = document.errors;
  if (error !== undefined) return nothing(`it is no YAML: ${error.message.split("\n")[0] ?? ""}`);
  if (!isMap(document.contents)) return nothing("it is not a mapping");
  let plain: unknown;
  try {
    plain = document.toJS({ maxAliasCount: 100 });
  } catch {
    return nothing("an alias of it cannot be resolved, or they multiply");
  }
  const parsed = file.safeParse(plain);
  if (!parsed.success) return nothing("it has no `services:` that can be read");
  const { name, version, services } = parsed.data;
  const declared = new Map(Object.entries(services ?? {}));
  const problems = Object.entries(question.services).flatMap(([image, wanted]): ComposeProblem[] => {
    if (!declared.has(wanted)) {
      const known = [...declared.keys()].slice(0, 40).join(", ") || "none";
      return [{ image, message: `there is no service ${wanted} in it`, hint: `It has: ${known}.` }];
    }
    const one = service.safeParse(declared.get(wanted) ?? {});
    if (!one.success) return [{ image, message: `its service ${wanted} cannot be read` }];
    return checkService(image, wanted, one.data, question);
  });
  return { name, version: version === undefined ? undefined : String(version), problems };
}

const beside =
  "A new container is started beside the old one. With `order: stop-first` the old one ends before, with a gap.";

function checkService(
  image: string,
  name: string,
  one: z.output<typeof service>,
  { order, hasSteady }: ComposeQuestion,
): ComposeProblem[] {
  const problems: ComposeProblem[] = [];
  const isDisabled = one.healthcheck?.disable === true || one.healthcheck?.disable === "true";
  if (isDisabled && !hasSteady)
    problems.push({
      image,
      message: `the health check of the service ${name} is disabled`,
      hint: "Let it have one, or say by `steady:` how long it has to run to count as healthy.",
    });
  if (order === "stop-first") return problems;
  const published = (one.ports ?? []).map(publishedPort).find((port) => port !== undefined);
  if (published !== undefined)
    problems.push({
      image,
      message: `the service ${name} publishes the port ${published}, which only one container can have`,
      hint: `Publish it at a reverse proxy in front of it. ${beside}`,
    });
  if (one.container_name !== undefined && one.container_name !== null)
    problems.push({
      image,
      message: `the service ${name} has a \`container_name\`, which only one container can have`,
      hint: `Leave it out. ${beside}`,
    });
  if (one.network_mode === "host")
    problems.push({
      image,
      message: `the service ${name} is in the host's network, where only one container can have its ports`,
      hint: beside,
    });
  return problems;
}

/** The port of the host that an entry of `ports:` takes; undefined where Docker chooses one. */
function publishedPort(entry: unknown): string | undefined {
  const long = typeof entry === "object" ? longPort.safeParse(entry) : undefined;
  const text = long === undefined ? String(entry) : long.success ? String(long.data.published ?? "") : "";
  if (long !== undefined) return fixed(text);
  // [[IP:]HOST:]CONTAINER[/PROTOCOL]; an IPv6 address stands in brackets, a variable in braces.
  const parts = text
    .replace(/\/(?:tcp|udp|sctp)$/, "")
    .replace(/^\[[^\]]*\]:/, "ip:")
    .replaceAll(/\$\{[^}]*\}/g, "variable")
    .split(":");
  return parts.length < 2 ? undefined : fixed(parts.at(-2) ?? "");
}

function fixed(port: string): string | undefined {
  // Of a range each container takes the next that is free.
  return port === "" || port === "0" || /^\d+-\d+$/.test(port) ? undefined : port;
}
