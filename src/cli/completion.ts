import { command, type CommandOption } from "./command.ts";
import { commands } from "./commands.ts";
import { globalOptions } from "./global-options.ts";
import { UsageError } from "./usage-error.ts";

/** An option as shells complete it. */
interface Flag {
  readonly short: string | undefined;
  readonly long: string | undefined;
  readonly description: string;
  /** Whether a value follows; `file` where it is a path. */
  readonly value: "none" | "text" | "file";
}

/** A command as shells complete it. */
interface Known {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly Flag[];
}

const shells = { bash: forBash, zsh: forZsh, fish: forFish } as const;

export const completion = command<{ readonly shell: string; readonly script: string }>({
  usage: "completion <shell>",
  summary: "A script that completes commands and options in bash, zsh or fish",
  examples: [
    ["source <(tidemill completion bash)", "in ~/.bashrc"],
    ["tidemill completion zsh > ~/.zfunc/_tidemill", "in a folder of $fpath"],
    ["tidemill completion fish > ~/.config/fish/completions/tidemill.fish", "for every new shell"],
  ],
  run: async (_context, asked) => {
    const shell = asked.argument("shell");
    if (!(shell in shells) || !Object.hasOwn(shells, shell))
      throw new UsageError("BAD_USAGE", `completion ${shell}: there is no such shell`, {
        hint: `One of ${Object.keys(shells).join(", ")}.`,
      });
    return { shell, script: shells[shell as keyof typeof shells](await loadKnown()) };
  },
  print: ({ script }) => script.trimEnd(),
});

async function loadKnown(): Promise<readonly Known[]> {
  return Promise.all(
    Object.entries(commands).map(async ([name, entry]) => {
      const { options = [] } = await entry.load();
      return { name, summary: entry.summary, flags: [...options, ...globalOptions].map(flagOf) };
    }),
  );
}

function flagOf({ flags, description }: CommandOption): Flag {
  const value = /<([^>]+)>|\[([^\]]+)\]$/.exec(flags);
  const named = value?.[1] ?? value?.[2];
  const isPath = named !== undefined && /^(?:file|path|directory|folder|dir)/.test(named);
  return {
    short: /^-([a-zA-Z])\b/.exec(flags)?.[1],
    long: /--([a-z][a-z-]*)/.exec(flags)?.[1],
    description,
    value: named === undefined ? "none" : isPath ? "file" : "text",
  };
}

const spellings = ({ short, long }: Flag): string[] => [
  ...(short === undefined ? [] : [`-${short}`]),
  ...(long === undefined ? [] : [`--${long}`]),
];

/** Programmable completion of bash 4 (Bash Reference Manual, 8.6). */
function forBash(known: readonly Known[]): string {
  const valued = (kind: Flag["value"]): string =>
    [...new Set(known.flatMap(({ flags }) => flags.filter(({ value }) => value === kind).flatMap(spellings)))].join(
      "|",
    );
  return `_tidemill() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) if [[ -z $command ]]; then command=$word; fi ;; esac
  done
  case $prev in
    ${valued("file")}) compopt -o default; COMPREPLY=(); return ;;
    ${valued("text")}) COMPREPLY=(); return ;;
  esac
  if [[ -z $command ]]; then
    COMPREPLY=($(compgen -W "${known.map(({ name }) => name).join(" ")} help --help --version" -- "$cur"))
    return
  fi
  if [[ $cur != -* ]]; then compopt -o default; COMPREPLY=(); return; fi
  case $command in
${known.map(({ name, flags }) => `    ${name}) COMPREPLY=($(compgen -W "${[...flags.flatMap(spellings), "--help"].join(" ")}" -- "$cur")) ;;`).join("\n")}
  esac
}
complete -F _tidemill tidemill
`;
}

/** The completion system of zsh (zshcompsys, _arguments and _describe). */
function forZsh(known: readonly Known[]): string {
  const said = (text: string): string => text.replaceAll("'", "").replaceAll(/[[\]:\\]/g, " ");
  const specs = ({ flags }: Known): string =>
    flags
      .flatMap((flag) =>
        spellings(flag).map((spelling) => {
          const value = { none: "", text: ":value: ", file: ":file:_files" }[flag.value];
          return `'${spelling}[${said(flag.description)}]${value}'`;
        }),
      )
      .join(" ");
  return `#compdef tidemill
_tidemill() {
  local -a commands
  commands=(
${known.map(({ name, summary }) => `    '${name}:${said(summary)}'`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${known.map((one) => `    ${one.name}) _arguments ${specs(one)} '*:argument:_files' ;;`).join("\n")}
  esac
}
if [[ $funcstack[1] == _tidemill ]]; then _tidemill "$@"; else compdef _tidemill tidemill; fi
`;
}

/** Completions of fish (fish documentation, complete). */
function forFish(known: readonly Known[]): string {
  const said = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", String.raw`\'`)}'`;
  const lines = known.flatMap(({ name, summary, flags }) => [
    `complete -c tidemill -n __fish_use_subcommand -f -a ${name} -d ${said(summary)}`,
    ...flags.map(({ short, long, description, value }) =>
      [
        `complete -c tidemill -n '__fish_seen_subcommand_from ${name}'`,
        ...(short === undefined ? [] : [`-s ${short}`]),
        ...(long === undefined ? [] : [`-l ${long}`]),
        { none: "", text: "-x", file: "-r" }[value],
        `-d ${said(description)}`,
      ]
        .filter((part) => part !== "")
        .join(" "),
    ),
  ]);
  return `${lines.join("\n")}\n`;
}
