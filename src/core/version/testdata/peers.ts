import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import semver from "semver";
import { rangeSchemes, versionSchemes, type RangeScheme, type VersionScheme } from "../index.ts";
import { schemeOf, type AlphabetName, type Question } from "./random-questions.ts";

/** `<`, `=`, `>`, `in`, `out`; `?` where a version or a range is none; `<>` where two are not the same and have no order. */
export type Answer = string;

/** A format's own tool. */
export interface Peer {
  /** The tool, as one would say what was compared with. */
  readonly tool: string;
  /** Why it cannot be asked here; undefined where it can. */
  readonly missing: string | undefined;
  ask(questions: readonly Question[]): Answer[];
}

const folder = fileURLToPath(new URL("./peers/", import.meta.url));

/** Our answer. */
export function answerOf(name: AlphabetName, question: Question): Answer {
  const versions: VersionScheme = versionSchemes[schemeOf(name)];
  if (question.kind === "range") {
    const ranges: RangeScheme = rangeSchemes[schemeOf(name)];
    const [range, version] = [ranges.parse(question.range), versions.parse(question.version)];
    return range === undefined || version === undefined ? "?" : ranges.isIn(version, range) ? "in" : "out";
  }
  const [first, second] = [versions.parse(question.first), versions.parse(question.second)];
  return first === undefined || second === undefined
    ? "?"
    : ("<=>"[Math.sign(versions.compare(first, second)) + 1] ?? "");
}

/** What a format's own tool says otherwise than we, as lines to read. */
export function differences(name: AlphabetName, peer: Peer, questions: readonly Question[]): string[] {
  const answers = peer.ask(questions);
  if (answers.length !== questions.length) {
    return [`${peer.tool} gave ${answers.length} answers to ${questions.length} questions`];
  }
  return questions.flatMap((question, at) => {
    const [theirs = "", ours] = [answers[at], answerOf(name, question)];
    const isSame = theirs === ours || (theirs === "<>" && (ours === "<" || ours === ">"));
    if (isSame || exceptions[name]?.is(question, theirs) === true) return [];
    return [`${JSON.stringify(question)}: ${peer.tool} says ${theirs}, ours is ${ours}`];
  });
}

interface Exception {
  /** For people: docs/versions.md says the same. */
  readonly why: string;
  is(question: Question, theirs: Answer): boolean;
}

function textsOf(question: Question): [string, string] {
  return question.kind === "order" ? [question.first, question.second] : [question.range, question.version];
}

function anyOf(question: Question, pattern: RegExp): boolean {
  return textsOf(question).some((text) => pattern.test(text));
}

/** Where we mean to differ. */
const exceptions: Partial<Record<AlphabetName, Exception>> = {
  deb: {
    why: "dpkg takes a sign before an epoch; Debian Policy 5.6.12 knows none, and no package has one",
    is: (question) => anyOf(question, /^[+-]\d*:/),
  },
  apk: {
    why: "of two versions that break at the same place apk says that they are equal; ours orders what follows",
    is: (question, theirs) =>
      theirs === "=" && textsOf(question).every((text) => versionSchemes.apk.parse(text)?.isWhole !== true),
  },
  npm: {
    why: "numbers of pre-releases that no double holds are rounded by node-semver; ours goes by Semantic Versioning",
    is: (question) => anyOf(question, /\d{16}/),
  },
  go: {
    why: "Go's own reader takes stages and suffixes that no release ever had",
    is: (question) => !textsOf(question).every((text) => /^go1\.\d+(?:\.\d+|(?:rc|beta)\d+)?$/.test(text)),
  },
  composer: {
    why: "composer/semver before 3.4 reads fewer dates; it joins neighbouring ranges, where a bound that is a branch has none",
    is: (question) =>
      anyOf(question, /(?:^|\D)\d{4}[.:-]?\d{2}/) || (question.kind === "range" && /[<>]=?\s*dev-/i.test(question.range)),
  },
};

/** How to ask each format's own tool; programs are started only when a question is asked. */
export function findPeer(name: AlphabetName): Peer {
  return finders[name]();
}

const finders: Readonly<Record<AlphabetName, () => Peer>> = {
  deb: findDpkg,
  apk: findApk,
  rpm: () => program("rpm", ["rpmlua", join(folder, "ask.lua")], ["rpmlua", "-e", "rpm.vercmp('1', '2')"]),
  npm: () => ({
    tool: "node-semver",
    missing: undefined,
    ask: (questions) => questions.map(askSemver),
  }),
  pypi: () =>
    program(
      "Python's packaging",
      ["python3", join(folder, "ask.py")],
      ["python3", "-c", "import packaging; assert int(packaging.__version__.split('.')[0]) >= 26"],
      "packaging 26 for Python is not installed",
    ),
  golang: findGo,
  go: findGo,
  maven: findMaven,
  gem: () => program("RubyGems", ["ruby", join(folder, "ask.rb")], ["ruby", "-e", "exit Gem::VERSION > '3'"]),
  nuget: () => ({ tool: "NuGet.Versioning", missing: ".NET is not to be had on Debian", ask: () => [] }),
  composer: () =>
    program(
      "composer/semver",
      ["php", join(folder, "ask.php")],
      [
        "php",
        "-r",
        "exit(is_file('/usr/share/php/Composer/Semver/autoload.php') || getenv('COMPOSER_SEMVER_AUTOLOAD') ? 0 : 1);",
      ],
      "composer/semver for PHP is not installed",
    ),
  cargo: findCargo,
};

function works([command = "", ...args]: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** A tool that answers lines of its standard input. */
function program(
  tool: string,
  command: readonly string[],
  check: readonly string[],
  missing = `${tool} is not installed`,
): Peer {
  return { tool, missing: works(check) ? undefined : missing, ask: (questions) => run(command, questions) };
}

function run(
  [command = "", ...args]: readonly string[],
  questions: readonly Question[],
  options: { cwd?: string } = {},
): Answer[] {
  const input = questions
    .map((one) => (one.kind === "order" ? `order\t${one.first}\t${one.second}` : `range\t${one.range}\t${one.version}`))
    .join("\n");
  const output = execFileSync(command, args, {
    ...options,
    input: `${input}\n`,
    encoding: "utf8",
    maxBuffer: 2 ** 30,
    stdio: ["pipe", "pipe", "ignore"],
  });
  return output.trimEnd().split("\n");
}

/** apk compares two versions a call. */
function findApk(): Peer {
  return {
    tool: "apk-tools",
    missing: works(["apk", "--version"]) ? undefined : "apk is not installed",
    ask: (questions) =>
      questions.map((one) => execFileSync("apk", ["version", "--test", ...textsOf(one)], { encoding: "utf8" }).trim()),
  };
}

/**
 * Thousands a second by dpkg's library in Perl, where it is as good as dpkg: it rounds long numbers, and takes epochs and colons that dpkg
 * does not. There dpkg itself is asked.
 */
function findDpkg(): Peer {
  const library = program(
    "dpkg",
    ["perl", join(folder, "ask.pl")],
    ["perl", "-MDpkg::Version", "-e1"],
    "Dpkg::Version (libdpkg-perl) is not installed",
  );
  return {
    ...library,
    ask: (questions) => {
      const answers = library.ask(questions);
      return questions.map((question, at) =>
        anyOf(question, /\d{15}|:$|-[^-]*:|\d{10}.*:/) ? askDpkg(...textsOf(question)) : (answers[at] ?? ""),
      );
    },
  };
}

function askDpkg(first: string, second: string): Answer {
  for (const [operator, answer] of [
    ["lt", "<"],
    ["gt", ">"],
    ["eq", "="],
  ] as const) {
    const { status, stderr } = spawnSync("dpkg", ["--compare-versions", first, operator, second], { encoding: "utf8" });
    if (stderr !== "") return "?";
    if (status === 0) return answer;
  }
  return "?";
}

function askSemver(question: Question): Answer {
  if (question.kind === "order") {
    const [first, second] = [
      semver.parse(question.first, { loose: true }),
      semver.parse(question.second, { loose: true }),
    ];
    return first === null || second === null ? "?" : ("<=>"[semver.compare(first, second, true) + 1] ?? "");
  }
  const version = semver.parse(question.version, { loose: true });
  if (version === null || semver.validRange(question.range, { loose: true }) === null) return "?";
  return semver.satisfies(version, question.range, { loose: true }) ? "in" : "out";
}

function findMaven(): Peer {
  const jars = ["/usr/share/java/maven3-artifact.jar", "/usr/share/java/commons-lang3.jar"];
  const missing = !works(["java", "-version"])
    ? "Java is not installed"
    : jars.every((jar) => existsSync(jar))
      ? undefined
      : "maven-artifact (libmaven3-core-java) is not installed";
  return {
    tool: "maven-artifact",
    missing,
    ask: (questions) => run(["java", "-cp", jars.join(":"), join(folder, "Ask.java")], questions),
  };
}

/** Builds a program in a folder of its own for the time of some questions. */
function inFolder<T>(use: (path: string) => T): T {
  const path = mkdtempSync(join(tmpdir(), "tidemill-versions-"));
  try {
    return use(path);
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

function findGo(): Peer {
  const root = spawnSync("go", ["env", "GOROOT"], { encoding: "utf8" });
  const source = join((root.stdout ?? "").trim(), "src/cmd/vendor/golang.org/x/mod/semver/semver.go");
  return {
    tool: "golang.org/x/mod/semver",
    missing:
      root.status !== 0 ? "Go is not installed" : existsSync(source) ? undefined : "Go is there without its source",
    ask: (questions) =>
      inFolder((path) => {
        mkdirSync(join(path, "semver"));
        copyFileSync(source, join(path, "semver/semver.go"));
        copyFileSync(join(folder, "ask.go.txt"), join(path, "main.go"));
        writeFileSync(join(path, "go.mod"), "module ask\n\ngo 1.22\n");
        return run(["go", "run", "."], questions, { cwd: path });
      }),
  };
}

function findCargo(): Peer {
  return {
    tool: "the semver crate",
    missing: works(["cargo", "--version"]) ? undefined : "cargo is not installed",
    ask: (questions) =>
      inFolder((path) => {
        mkdirSync(join(path, "src"));
        copyFileSync(join(folder, "ask.rs"), join(path, "src/main.rs"));
        const manifest =
          '[package]\nname = "ask"\nversion = "0.0.0"\nedition = "2021"\n\n[dependencies]\nsemver = "1"\n';
        writeFileSync(join(path, "Cargo.toml"), manifest);
        return run(["cargo", "run", "--quiet", "--release"], questions, { cwd: path });
      }),
  };
}
