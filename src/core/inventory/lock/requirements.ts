import type { LockParser } from "./lock-parser.ts";

/** Lines of `requirements.txt` that settle a version: `name==1.0`. Those that do not are said to be open. pip, Requirements File Format; PEP 508. */
export const parseRequirements: LockParser = (text, found, say) => {
  for (const raw of text.replaceAll(/\\\r?\n/g, " ").split("\n")) {
    const line = raw.replace(/(?:^|\s)#.*$/, "").trim();
    if (line === "") continue;
    if (line.startsWith("-")) {
      if (/^(?:-r|-c|--requirement|--constraint|-e|--editable)\b/.test(line))
        say(`it points elsewhere: ${line.slice(0, 100)}`);
      continue;
    }
    const pinned = /^([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([^\s;,*]+)(?:\s*(?:;.*|--.*))?$/.exec(line);
    if (pinned?.[1] !== undefined && pinned[2] !== undefined) found(pinned[1], pinned[2]);
    else say(`it settles no version of ${/^[\w.-]*/.exec(line)?.[0] ?? ""}`);
  }
};
