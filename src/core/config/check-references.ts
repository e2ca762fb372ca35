import { checkBumps } from "./bump-source.ts";
import { checkDeployments } from "./check-deployments.ts";
import { closest } from "./closest.ts";
import { checkReports } from "./report-target.ts";
import { suggest } from "./explain-issue.ts";
import type { Mistake } from "./mistake.ts";
import { packagesImage } from "./effective-image.ts";
import type { Config, PackagesImage } from "./schema.ts";

const maxAncestors = 32;

/** The rules between the parts of a configuration: names that must exist, cycles, doubles. */
export function checkReferences(config: Config): Mistake[] {
  const names = Object.keys(config.images);
  const mistakes: Mistake[] = [...checkArchives(config), ...checkFeeds(config)];
  if (names.length === 0) mistakes.push({ path: ["images"], message: "there is no image" });
  const repositories = new Map<string, string>();
  for (const [name, image] of Object.entries(config.images)) {
    const at = ["images", name];
    const { upstream } = image;
    if (upstream !== undefined && config.upstreams[upstream] === undefined) {
      mistakes.push(unknown([...at, "upstream"], "upstream", upstream, Object.keys(config.upstreams)));
    }
    mistakes.push(...(image.recipe === "packages" ? checkPackages(config, names, name, image) : []));
    const repository = image.repository ?? name;
    const other = repositories.get(repository);
    if (other !== undefined)
      mistakes.push({ path: [...at, "repository"], message: `${other} goes to the repository ${repository} as well` });
    repositories.set(repository, name);
  }
  mistakes.push(...checkProbes(config), ...checkTrains(config), ...checkDeployments(config));
  mistakes.push(
    ...checkEvidence(config),
    ...checkProvenance(config),
    ...checkSlo(config),
    ...checkBumps(config),
    ...checkReports(config),
  );
  config.environments.forEach(({ name }, index) => {
    if (config.environments.findIndex((one) => one.name === name) !== index) {
      mistakes.push({ path: ["environments", index, "name"], message: `there are two environments ${name}` });
    }
  });
  return mistakes;
}

/** Probes are told apart by their names, and ask after images that there are. */
function checkProbes({ environments, images }: Config): Mistake[] {
  return environments.flatMap(({ probes }, at) =>
    probes.flatMap(({ name, images: asked = [] }, index): Mistake[] => {
      const path = ["environments", at, "probes", index];
      const isDouble = probes.findIndex((one) => one.name === name) !== index;
      return [
        ...(isDouble ? [{ path: [...path, "name"], message: `there are two probes ${name}` }] : []),
        ...asked.flatMap((image, place) =>
          images[image] === undefined ? [unknown([...path, "images", place], "image", image, Object.keys(images))] : [],
        ),
      ];
    }),
  );
}

/** Deadlines are of environments that there are. */
function checkSlo({ slo, environments }: Config): Mistake[] {
  const names = environments.map(({ name }) => name);
  const unknownOf = (path: readonly (string | number)[], named: readonly string[] = []): Mistake[] =>
    named.flatMap((name, at) => (names.includes(name) ? [] : [unknown([...path, at], "environment", name, names)]));
  return [
    ...unknownOf(["slo", "environments"], slo.environments),
    ...slo.rules.flatMap((rule, at) => unknownOf(["slo", "rules", at, "environments"], rule.environments)),
  ];
}

/** What an environment demands has to be made. */
function checkEvidence({ environments, evidence }: Config): Mistake[] {
  return environments.flatMap(({ requireEvidence = [] }, at): Mistake[] => {
    const path = ["environments", at, "requireEvidence"];
    if (requireEvidence.length > 0 && evidence === undefined)
      return [
        {
          path,
          message: "it demands evidence, and nothing is signed",
          hint: "Name a key: `evidence: { key: keys/tidemill.key }`.",
        },
      ];
    const missing = requireEvidence.filter((kind) => evidence?.attach.includes(kind) === false);
    return missing.length === 0 ? [] : [{ path, message: `\`evidence.attach\` leaves out ${missing.join(", ")}` }];
  });
}

/** Provenance is worth as much as who signed it. */
function checkProvenance({ bases }: Config): Mistake[] {
  return Object.entries(bases).flatMap(([name, { provenance, signature }]): Mistake[] =>
    provenance === undefined || signature !== undefined
      ? []
      : [
          {
            path: ["bases", name, "provenance"],
            message: "nobody is named who signs it",
            hint: "Say by `signature:` whose provenance is believed.",
          },
        ],
  );
}

/** Of an environment an image is in one train, and trains are told apart by their names. */
function checkTrains({ environments, images }: Config): Mistake[] {
  return environments.flatMap(({ trains }, at) => {
    const seen = new Map<string, string>();
    return trains.flatMap(({ name, images: members }, index): Mistake[] => {
      const path = ["environments", at, "trains", index];
      const isDouble = trains.findIndex((one) => one.name === name) !== index;
      const mistakes = isDouble ? [{ path: [...path, "name"], message: `there are two trains ${name}` }] : [];
      return [
        ...mistakes,
        ...members.flatMap((image, place): Mistake[] => {
          const other = seen.get(image);
          seen.set(image, name);
          const where = [...path, "images", place];
          if (images[image] === undefined) return [unknown(where, "image", image, Object.keys(images))];
          return other === undefined ? [] : [{ path: where, message: `${image} is in the train ${other} already` }];
        }),
      ];
    });
  });
}

function checkPackages(config: Config, names: readonly string[], name: string, image: PackagesImage): Mistake[] {
  const mistakes: Mistake[] = [];
  const at = ["images", name];
  const { parent } = image;
  const above = parent === undefined ? undefined : config.images[parent];
  if (above !== undefined && above.recipe !== "packages") {
    mistakes.push({
      path: [...at, "parent"],
      message: `its parent ${parent} has the recipe ${above.recipe}`,
      hint: "Packages are put on packages only. A Dockerfile can stand on any image: `FROM " + parent + "`.",
    });
    return mistakes;
  }
  if (parent !== undefined && config.images[parent] === undefined) {
    mistakes.push(unknown([...at, "parent"], "image", parent, names));
  }
  const wrong = checkParents(config, name);
  if (wrong !== undefined) mistakes.push({ path: [...at, "parent"], message: wrong });
  if (above !== undefined && wrong === undefined) {
    if (above.upstream !== image.upstream) {
      mistakes.push({
        path: [...at, "upstream"],
        message: `its parent ${parent} takes its packages from ${above.upstream}`,
        hint: "A child and its parent share one upstream: one version a package.",
      });
    }
    const missing = image.platforms.filter((platform) => !above.platforms.includes(platform));
    if (missing.length > 0)
      mistakes.push({
        path: [...at, "platforms"],
        message: `its parent ${parent} is not built for ${missing.join(", ")}`,
      });
  }
  if (parent === undefined && image.packages.length === 0 && !image.essential && image.files.length === 0) {
    mistakes.push({
      path: at,
      message: "it holds nothing",
      hint: "Name `packages:`, `files:`, a `parent:`, or `essential: true`.",
    });
  }
  return mistakes;
}

const shippedCodenames = ["bookworm", "trixie"];

/** An archive whose keys are not shipped has to say where it is and who signs it. */
function checkArchives({ upstreams }: Config): Mistake[] {
  return Object.entries(upstreams).flatMap(([name, { codename, mirror, keyrings }]): Mistake[] => {
    if (shippedCodenames.includes(codename) || (mirror !== undefined && keyrings !== undefined)) return [];
    const meant = closest(codename, shippedCodenames);
    const message = `"${codename}" is no release of Debian that is known`;
    const own = "An archive of your own needs `mirror:` and `keyrings:`.";
    const hint =
      meant === undefined ? `Known: ${shippedCodenames.join(", ")}. ${own}` : `Did you mean \`${meant}\`? ${own}`;
    return [{ path: ["upstreams", name, "codename"], message, hint }];
  });
}

/** Feeds that nobody could tell apart, and buckets of which nobody knows what to read. */
function checkFeeds({ feeds }: Config): Mistake[] {
  if (!Array.isArray(feeds)) return [];
  const names = feeds.map(({ kind, name = kind }) => name);
  return feeds.flatMap(({ from, kind, ecosystems, trust }, index): Mistake[] => {
    const path = ["feeds", index];
    const mistakes: Mistake[] = [];
    if (names.indexOf(names[index] ?? "") !== index)
      mistakes.push({
        path,
        message: `there are two feeds ${names[index]}`,
        hint: "A feed is called after its kind: give one of them a `name:`.",
      });
    if (trust !== undefined && (kind === "kev" || kind === "epss"))
      mistakes.push({
        path: [...path, "trust"],
        message: `${kind} says of no update that it closes anything: there is nothing to trust`,
        hint: "`policies.exempt` says whether what is known to be exploited passes the cool-down.",
      });
    if (/^https?:.*\/$/.test(from) && (kind === "osv" || kind === "malware") && ecosystems === undefined)
      mistakes.push({
        path,
        message: `${from} is the root of a bucket, and no ecosystem of it is named`,
        hint: "Name what the fleet is made of: `ecosystems: [Debian, npm]`.",
      });
    return mistakes;
  });
}

function unknown(path: Mistake["path"], what: string, name: string, known: readonly string[]): Mistake {
  return { path, message: `there is no ${what} "${name}"`, hint: suggest(name, known, "Known") };
}

function parentOf(config: Config, name: string): string | undefined {
  return packagesImage(config, name)?.parent;
}

/** What is wrong with the parents above `name`; a ring is told only for the first of its names. */
function checkParents(config: Config, name: string): string | undefined {
  const way = [name];
  for (let at = parentOf(config, name); at !== undefined; at = parentOf(config, at)) {
    if (at === name) {
      const isFirst = way.every((one) => one >= name);
      return isFirst ? `images are each other's parents: ${[...way, name].join(" → ")}` : undefined;
    }
    if (way.includes(at)) return undefined;
    if (way.length > maxAncestors) return `it has more than ${maxAncestors} ancestors`;
    way.push(at);
  }
  return undefined;
}
