/**
 * Text for the log of a job, in which no line is an order to the system that shows it: `::name::` at the start of a line and `##[name]` anywhere (GitHub Actions, Workflow commands), `##vso[` (Azure Pipelines, Logging commands),
 * `##teamcity[`. What would be one is shown with its first character as `\u{23}`.
 */
export function quietLog(text: string): string {
  return text.replaceAll(/#(?=#(?:\[|[a-z]+\[))/gi, "\\u{23}").replaceAll(/^(\s*):(?=:)/gm, "$1\\u{3a}");
}
