import { packagesArgument } from "../../../core/dockerfile/index.ts";
import type { Platform } from "../../../core/image/index.ts";

type Json = Readonly<Record<string, unknown>>;

/** What says how to run the image. image-spec, config.md, and Docker's own additions to it; ArgsEscaped means something on Windows only. */
const runKeys = [
  "User",
  "ExposedPorts",
  "Env",
  "Entrypoint",
  "Cmd",
  "Volumes",
  "WorkingDir",
  "Labels",
  "StopSignal",

  "Healthcheck",
  "OnBuild",
  "Shell",
];

/**
 * The config of a built image in one form, whatever engine made it: no ids of containers, no host names, no versions of
 * tools, empty settings left out; the argument that keeps package caches apart is taken out of the history, so that it
 * changes no digest; with `epoch` (seconds) no time after it.
 */
export function normalizeConfig(config: Json, platform: Platform, epoch: number | undefined): Record<string, unknown> {
  const latest = epoch === undefined ? undefined : new Date(epoch * 1000).toISOString().replace(".000Z", "Z");
  const clamp = (time: unknown): string | undefined => {
    if (typeof time !== "string" || Number.isNaN(Date.parse(time))) return undefined;
    return latest !== undefined && Date.parse(time) > Date.parse(latest) ? latest : time;
  };
  const history = Array.isArray(config["history"]) ? (config["history"] as Json[]) : [];
  return {
    created: clamp(config["created"]),
    author: text(config["author"]),
    architecture: text(config["architecture"]) ?? platform.architecture,
    os: text(config["os"]) ?? platform.os,
    "os.version": text(config["os.version"]),
    variant: text(config["variant"]) ?? platform.variant,
    config: normalizeRun(config["config"]),
    rootfs: config["rootfs"],
    history: history.flatMap((entry) => normalizeHistory(entry, clamp) ?? []),
  };
}

function normalizeRun(run: unknown): Record<string, unknown> {
  if (typeof run !== "object" || run === null) return {};
  const found = run as Json;
  return Object.fromEntries(runKeys.filter((key) => !isEmpty(found[key])).map((key) => [key, found[key]]));
}

function normalizeHistory(
  entry: Json,
  clamp: (time: unknown) => string | undefined,
): Record<string, unknown> | undefined {
  const by = text(entry["created_by"]);
  const empty = entry["empty_layer"] === true;
  if (empty && by !== undefined && new RegExp(`^(?:/bin/sh -c #\\(nop\\)\\s+)?ARG ${packagesArgument}(?:=|$)`).test(by))
    return undefined;
  const comment = text(entry["comment"]);
  return {
    created: clamp(entry["created"]),
    created_by: by === undefined ? undefined : withoutArgument(by),
    author: text(entry["author"]),
    // Buildah notes the id of the image before each step, which is another every time.
    comment: comment !== undefined && /^FROM \S+$/.test(comment) ? undefined : comment,
    ...(empty ? { empty_layer: true } : {}),
  };
}

/** `|2 A=b TIDEMILL_PACKAGES=… /bin/sh -c …` as it would read without the argument. */
function withoutArgument(by: string): string {
  const match = new RegExp(`^(RUN )?\\|(\\d+) (.*?)\\b${packagesArgument}=\\S+ `, "s").exec(by);
  if (match === null) return by;
  const [whole, run = "", count = "", others = ""] = match;
  const left = Number(count) - 1;
  return `${run}${left > 0 ? `|${left} ` : ""}${others}${by.slice(whole.length)}`;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === "" ||
    value === false ||
    (Array.isArray(value) && value.length === 0) ||
    (typeof value === "object" && Object.keys(value).length === 0)
  );
}
