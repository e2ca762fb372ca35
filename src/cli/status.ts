import { printable } from "../lib/index.ts";
import type { Status } from "../operation/index.ts";
import { command, withConnection } from "./command.ts";
import { curesTable } from "./cures.ts";
import type { Screen } from "./screen.ts";
import { renderTable, type Cell } from "./table.ts";
import { plural, section, showAge, showDigest, showSome, showTime } from "./wording.ts";

export const status = command<Status>({
  usage: "status [image]",
  summary: "The fleet, what is in flight, alarms",
  examples: [
    ["tidemill status", "the whole fleet"],
    ["tidemill status web --json | jq '.images[0].environments'", "where one image runs"],
  ],
  run: async (context, asked) => {
    const image = asked.optional("image");
    return withConnection(context, ({ operations }) => operations.status(image === undefined ? {} : { image }));
  },
  print: printStatus,
});

function printStatus(status: Status, screen: Screen): string {
  return [
    headline(status, screen),
    ...section("Alarms", alarms(status, screen), screen),
    ...section("Images", images(status, screen), screen),
    ...section("Deployments", deployments(status, screen), screen),
    ...section("Findings", findings(status, screen), screen),
    ...section("In flight", rebuilds(status, screen), screen),
    ...section("Holds", holds(status, screen), screen),
    ...section("Quarantined", quarantines(status, screen), screen),
    ...section("Upstreams", upstreams(status, screen), screen),
  ].join("\n");
}

function headline(status: Status, screen: Screen): string {
  const { state, reason } = status.advisories;
  const known = reason === null ? state : `${state}: ${printable(reason)}`;
  const where = status.server === null ? "no server runs" : `server ${printable(status.server.address)}`;
  const open = status.images.filter((image) => image.environments.some((place) => place.exposure.state === "open"));
  return [
    `${screen.bold(plural(status.images.length, "image"))}, ${status.rebuilds.length} in flight, ` +
      `${plural(status.alarms.length, "alarm")}; ${where}`,
    `advisories ${state === "current" ? screen.green(known) : screen.yellow(known)}` +
      (open.length > 0 ? `; ${screen.red(`${plural(open.length, "image")} exposed`)}` : ""),
    worst(status, screen),
  ].join("\n");
}

/** The worst exposure of the fleet in one line. */
function worst({ worst: { state, reason, exposure }, at }: Status, screen: Screen): string {
  if (exposure === null)
    return state === "none"
      ? `worst exposure ${screen.green("none")}`
      : `worst exposure ${screen.yellow(`unknown${reason === null ? "" : `: ${printable(reason)}`}`)}`;
  const { image, environment, advisory, severity, exploited, since, deadline } = exposure;
  const what = `${printable(advisory)} (${severity}${exploited ? ", exploited" : ""})`;
  const due =
    deadline === null
      ? "no deadline"
      : `${deadline.missed ? "missed the deadline" : "to be cured by"} ${showTime(deadline.at)} (${printable(deadline.rule)})`;
  return `worst exposure ${screen.red(what)} in ${printable(image)}, ${printable(environment)}, for ${showAge(since, at)}, ${due}`;
}

function alarms(status: Status, screen: Screen): string {
  return status.alarms
    .map((alarm) => {
      const hint = alarm.hint === null ? "" : `\n    ${screen.dim(printable(alarm.hint))}`;
      const since = screen.dim(`for ${showAge(alarm.since, status.at)}`);
      return `  ${screen.red("!")} ${printable(alarm.subject)}: ${printable(alarm.message)} ${since}${hint}`;
    })
    .join("\n");
}

function images(status: Status, screen: Screen): string {
  const environments = [...new Set(status.images.flatMap((image) => image.environments.map((place) => place.name)))];
  const paint = {
    current: screen.green,
    waiting: screen.dim,
    rebuilding: screen.yellow,
    held: screen.yellow,
    failing: screen.red,
    unbuilt: screen.dim,
    unknown: screen.yellow,
  };
  const rows = status.images.map((image): Cell[] => {
    const last = image.environments.at(-1);
    return [
      image.name,
      ...environments.map((name) => {
        const place = image.environments.find((candidate) => candidate.name === name);
        if (place?.conflict) return { text: `${showDigest(place.digest)} (moved!)`, paint: screen.red };
        if (place?.soak?.trouble) return { text: `${showDigest(place.digest)} (soaks)`, paint: screen.yellow };
        return `${showDigest(place?.digest ?? null)}${place?.soak ? " (soaks)" : ""}`;
      }),
      showAge(last?.since ?? null, status.at),
      { text: image.state, paint: paint[image.state] },
      last?.exposure.state === "open"
        ? { text: `exposed to ${showSome(last.exposure.advisories, 2)}`, paint: screen.red }
        : image.reason,
    ];
  });
  const columns = [
    { title: "IMAGE", flexible: true },
    ...environments.map((name) => ({ title: printable(name).toUpperCase() })),
    { title: "FOR", align: "right" as const },
    { title: "STATE" },
    { title: "", flexible: true },
  ];
  return renderTable(columns, rows, screen);
}

/** What the running systems use; nothing where there are none. */
function deployments(status: Status, screen: Screen): string {
  const rows = status.images.flatMap((image) =>
    image.environments.flatMap((place) =>
      place.deployments.map((one): Cell[] => {
        const runs = one.since !== null && one.digest === place.digest;
        return [
          image.name,
          place.name,
          one.name,
          runs ? showDigest(one.digest) : { text: `${showDigest(one.digest)}?`, paint: screen.yellow },
          showAge(one.since, status.at),
          place.digest === null || runs ? "" : { text: `to run ${showDigest(place.digest)}`, paint: screen.yellow },
          one.waiting ?? "",
        ];
      }),
    ),
  );
  if (rows.length === 0) return "";
  const titles = ["IMAGE", "ENVIRONMENT", "BY", "RUNS"].map((title) => ({ title }));
  const columns = [...titles, { title: "FOR", align: "right" as const }, { title: "" }, { title: "", flexible: true }];
  return renderTable(columns, rows, screen);
}

/** What the newest pass found wrong; of an image of which that is not known, why. Nothing where nothing is found. */
function findings(status: Status, screen: Screen): string {
  const cures = status.images.flatMap((image) => image.findings.cures);
  const known = cures.filter(({ remedy }) => remedy.kind !== "accepted");
  const lines = [curesTable(known, screen)];
  const accepted = status.images.reduce((sum, image) => sum + image.findings.accepted, 0);
  if (accepted > 0) lines.push(screen.dim(`${plural(accepted, "finding")} accepted`));
  return lines.filter((line) => line !== "").join("\n");
}

function rebuilds(status: Status, screen: Screen): string {
  const rows = status.rebuilds.map((rebuild) => [
    rebuild.image,
    rebuild.environment === null ? rebuild.step : `${rebuild.step} in ${rebuild.environment}`,
    showAge(rebuild.since, status.at),
    rebuild.lane === "urgent" ? { text: "urgent", paint: screen.yellow } : "routine",
    rebuild.attempt > 1 ? `${rebuild.attempt}` : "",
    rebuild.until === null ? "" : showTime(rebuild.until),
    rebuild.reason,
  ]);
  const columns = [
    { title: "IMAGE", flexible: true },
    { title: "STEP" },
    { title: "FOR", align: "right" as const },
    { title: "LANE" },
    { title: "TRY", align: "right" as const },
    { title: "UNTIL" },
    { title: "CAUSE", flexible: true },
  ];
  return renderTable(columns, rows, screen);
}

function holds(status: Status, screen: Screen): string {
  const rows = status.holds.map((hold) => [
    hold.image ?? "every image",
    hold.environment ?? "everywhere",
    hold.by,
    showAge(hold.since, status.at),
    hold.until === null ? "until resumed" : showTime(hold.until),
    hold.reason,
  ]);
  const titles = ["IMAGE", "ENVIRONMENT", "BY", "FOR", "UNTIL"].map((title) => ({ title }));
  return renderTable([...titles, { title: "REASON", flexible: true }], rows, screen);
}

function quarantines(status: Status, screen: Screen): string {
  const rows = status.quarantines.map((row) => [
    row.image,
    showDigest(row.digest),
    showAge(row.since, status.at),
    row.by,
    row.reason,
  ]);
  const titles = ["IMAGE", "DIGEST", "FOR", "BY"].map((title) => ({ title }));
  return renderTable([...titles, { title: "REASON", flexible: true }], rows, screen);
}

function upstreams(status: Status, screen: Screen): string {
  const paint = { ok: screen.green, stale: screen.yellow, failing: screen.red, unseen: screen.dim };
  const rows = status.upstreams.map((upstream) => [
    upstream.name,
    upstream.kind,
    { text: upstream.state, paint: paint[upstream.state] },
    upstream.lastSuccess === null ? "never" : `${showAge(upstream.lastSuccess, status.at)} ago`,
    showTime(upstream.generation),
    upstream.problem ?? "",
  ]);
  const titles = ["UPSTREAM", "KIND", "STATE", "LAST SUCCESS", "ITS DATE"].map((title) => ({ title }));
  return renderTable([...titles, { title: "", flexible: true }], rows, screen);
}
