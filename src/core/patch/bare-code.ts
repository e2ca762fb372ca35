/** Stands for a text in quotes, and for what is escaped. */
export const quoted = "\ue001";

const longestSum = 200;
const arithmetic = /^\$\(\([^()$`]*\)\)/;

type Inside = "code" | "double" | "tick" | "parameter";

/**
 * A line of shell without its texts: what stands in quotes is one {@link quoted}, but for the commands whose output is part of it, which stay; `${…}` is `$V`. Where a quote does not end
 * on the line, all of it counts as code a second time. POSIX.1-2017, Shell Command Language, 2.2.
 */
export function bareCode(line: string): string {
  const stack: Inside[] = ["code"];
  let bare = "";
  const top = (): Inside => stack.at(-1) ?? "code";
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? "";
    const isText = top() === "double" || top() === "parameter";
    if (char === "\\") {
      at += 1;
      if (!isText) bare += quoted;
    } else if (char === "'" && !isText) {
      const end = line.indexOf("'", at + 1);
      if (end < 0) return asCode(bare, line);
      at = end;
      bare += quoted;
    } else if (char === '"') {
      if (top() === "double") stack.pop();
      else {
        stack.push("double");
        if (!isText) bare += quoted;
      }
    } else if (char === "`") {
      if (top() === "tick") stack.pop();
      else stack.push("tick");
      bare += " `";
    } else if (line.startsWith("$((", at) && arithmetic.test(line.slice(at, at + longestSum))) {
      at = line.indexOf("))", at) + 1;
      if (!isText) bare += "$V";
    } else if (line.startsWith("$(", at)) {
      stack.push("code");
      at += 1;
      bare += isText ? " $(" : "$(";
    } else if (line.startsWith("${", at)) {
      stack.push("parameter");
      at += 1;
      if (!isText) bare += "$V";
    } else if (char === "}" && top() === "parameter") stack.pop();
    else if (char === ")" && top() === "code" && stack.length > 1) {
      stack.pop();
      bare += ")";
    } else if (!isText) bare += char;
  }
  return stack.length === 1 ? bare : asCode(bare, line);
}

function asCode(bare: string, line: string): string {
  return `${bare} && ${line.replaceAll(/["'\\]/g, " ")}`;
}
