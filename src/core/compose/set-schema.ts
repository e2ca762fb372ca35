import { z } from "zod";

const text = z.string().max(4096);
const scalar = z.union([text, z.number(), z.boolean()]).transform(String);
const words = z.union([text, z.array(scalar).max(100)]).nullish();
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "letters, digits, `.`, `_` and `-`, at most 63");
const inside = z
  .string()
  .max(1024)
  // eslint-disable-next-line no-control-regex
  .regex(/^\/[^:\u0000-\u001f]*$/, "an absolute path in the container");
/** Is read and passed over: nothing of it is wanted in a set that is checked. */
const passedOver = z.unknown().optional();

/** A folder or file below the compose file, a named volume, or one without a name. */
export interface SetVolume {
  readonly kind: "bind" | "volume";
  /** Undefined for a volume without a name. */
  readonly source: string | undefined;
  readonly target: string;
  readonly readOnly: boolean;
}

const environment = z
  .union([
    z.record(z.string().max(200), scalar.nullable()),
    z
      .array(scalar)
      .max(1000)
      .transform((lines) =>
        Object.fromEntries(
          lines.map((line): [string, string | null] => {
            const at = line.indexOf("=");
            return at < 0 ? [line, null] : [line.slice(0, at), line.slice(at + 1)];
          }),
        ),
      ),
  ])
  .superRefine((variables, context) => {
    for (const [key, value] of Object.entries(variables))
      if (value === null)
        context.addIssue({
          code: "custom",
          message: `${key} has no value: a set is told nothing of Tidemill's environment`,
        });
  })
  .transform((variables) => Object.fromEntries(Object.entries(variables).map(([key, value]) => [key, value ?? ""])));

const dependsOn = z
  .union([
    z
      .array(name)
      .max(50)
      .transform((all) => Object.fromEntries(all.map((one) => [one, "service_started" as const]))),
    z
      .record(
        name,
        z.strictObject({
          condition: z.enum(["service_started", "service_healthy", "service_completed_successfully"]),
          required: passedOver,
          restart: passedOver,
        }),
      )
      .transform((all) =>
        Object.fromEntries(Object.entries(all).map(([one, { condition }]) => [one, condition] as const)),
      ),
  ])
  .nullish();

const volume = z.unknown().transform((value, context): SetVolume => {
  const read = typeof value === "string" ? readShortVolume(value) : readLongVolume(value);
  if (typeof read !== "string") return read;
  context.addIssue({ code: "custom", message: read });
  return z.NEVER;
});

const longVolume = z.strictObject({
  type: z.enum(["bind", "volume", "tmpfs"]),
  source: text.optional(),
  target: text,
  read_only: z.boolean().default(false),
  bind: passedOver,
  volume: passedOver,
  tmpfs: passedOver,
  consistency: passedOver,
});

function readShortVolume(value: string): SetVolume | string {
  const [first = "", second, mode, ...more] = value.split(":");
  if (more.length > 0) return "a volume that cannot be read: `./FOLDER:/PATH` or `NAME:/PATH`";
  if (second === undefined) return checkVolume({ kind: "volume", source: undefined, target: first, readOnly: false });
  const isBind = /^[./~]/.test(first);
  const readOnly = isBind || (mode ?? "").split(",").includes("ro");
  return checkVolume({ kind: isBind ? "bind" : "volume", source: first, target: second, readOnly });
}

function readLongVolume(value: unknown): SetVolume | string {
  const parsed = longVolume.safeParse(value);
  if (!parsed.success) return "a volume that cannot be read: `./FOLDER:/PATH` or `NAME:/PATH`";
  const { type, source, target, read_only: readOnly } = parsed.data;
  if (type === "tmpfs") return "write it below `tmpfs:` of the service";
  return checkVolume({ kind: type, source, target, readOnly: readOnly || type === "bind" });
}

function checkVolume(read: SetVolume): SetVolume | string {
  const { kind, source, target } = read;
  if (!inside.safeParse(target).success) return `${target.slice(0, 200)} is no absolute path in the container`;
  if (kind === "volume")
    return source === undefined || name.safeParse(source).success ? read : "a volume has a plain name";
  const path = source ?? "";
  const parts = path.replace(/^\.\//, "").split("/");
  // What begins with a dot beside a configuration is somebody's repository, settings or keys.
  if (!path.startsWith("./") || parts.some((part) => part === "" || part.startsWith(".")) || path.length > 1024)
    return `it mounts ${path.slice(0, 200)} of this machine: only what lies below the compose file can be, as \`./FOLDER:/PATH\`, without a part that begins with a dot`;
  return { ...read, source: parts.join("/") };
}

/** What of a service goes into a set, and what is passed over; a key that is in neither is refused by name. The Compose Specification, "services". */
export const serviceSchema = z.strictObject({
  image: z
    .string()
    .max(500)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:@/-]*$/, "an image: `registry.example/team/app:1.2`"),
  command: words,
  entrypoint: words,
  environment: environment.nullish(),
  depends_on: dependsOn,
  volumes: z.array(volume).max(50).nullish(),
  tmpfs: z.union([inside.transform((one) => [one]), z.array(inside).max(20)]).nullish(),
  user: scalar.optional(),
  working_dir: inside.optional(),
  hostname: name.optional(),
  init: z.boolean().optional(),
  read_only: z.boolean().default(false),
  stop_signal: z.string().max(20).optional(),
  healthcheck: z
    .strictObject({
      test: words,
      interval: text.optional(),
      timeout: text.optional(),
      start_period: text.optional(),
      retries: z.number().int().min(0).max(1000).optional(),
      disable: z.boolean().optional(),
      start_interval: passedOver,
    })
    .nullish(),
  networks: z
    .union([
      z.array(name).max(20),
      z.record(name, z.looseObject({ aliases: z.array(name).max(20).optional() }).nullable()),
    ])
    .nullish(),
  restart: z.string().max(50).default("no"),
  privileged: z.literal(false, { error: "nothing of a set is privileged" }).optional(),
  ports: passedOver,
  expose: passedOver,
  container_name: passedOver,
  labels: passedOver,
  annotations: passedOver,
  logging: passedOver,
  deploy: passedOver,
  mem_limit: passedOver,
  mem_reservation: passedOver,
  memswap_limit: passedOver,
  cpus: passedOver,
  pids_limit: passedOver,
  pull_policy: passedOver,
  stdin_open: passedOver,
  tty: passedOver,
  stop_grace_period: passedOver,
  cap_drop: passedOver,
});

export type ServiceInSet = z.output<typeof serviceSchema>;

/** Why a key of a service is refused; of others it is said that they are not known. */
export const refusedKeys: Readonly<Record<string, string>> = {
  build: "a set is made of images: name one",
  cap_add: "nothing of a set gets capabilities",
  cgroup: "it leaves what a container may",
  cgroup_parent: "it leaves what a container may",
  configs: "they would be read from this machine",
  devices: "nothing of a set gets devices of this machine",
  device_cgroup_rules: "nothing of a set gets devices of this machine",
  env_file: "it would be read from this machine: write the variables in `environment:`",
  extends: "it would be read from another file: write it out",
  gpus: "nothing of a set gets devices of this machine",
  ipc: "nothing of a set shares what is this machine's",
  network_mode: "a set has a network of its own, and no other",
  pid: "nothing of a set shares what is this machine's",
  profiles: "all services of a set are started",
  runtime: "a set is run as other containers are",
  secrets: "they would be read from this machine",
  security_opt: "a set keeps the limits of every check",
  sysctls: "a set keeps the limits of every check",
  userns_mode: "nothing of a set shares what is this machine's",
  uts: "nothing of a set shares what is this machine's",
  volumes_from: "name the volume in both services",
};
