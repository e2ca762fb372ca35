import { childAt, escapeXml, readXml, textAt, type XmlNode } from "./xml-nodes.ts";

/** From where Maven takes all packages: the mirror of `central` that the settings of the user, or else of the installation, name. Empty where they name none: then it is Maven's own. A text with a password is left to be seen as one. Maven, Settings Reference. */
export function findMirror(settings: readonly string[]): string {
  for (const text of settings) {
    const mirrors = childAt(readXml(text), "mirrors")?.children ?? [];
    const found = mirrors.find((one) => textAt(one, "blocked") !== "true" && isOfCentral(one));
    if (found !== undefined) return textAt(found, "url");
  }
  return "";
}

function isOfCentral(mirror: XmlNode): boolean {
  const words = textAt(mirror, "mirrorOf")
    .split(",")
    .map((one) => one.trim());
  return !words.includes("!central") && words.some((one) => ["*", "central", "external:*"].includes(one));
}

/** Settings of ours: one registry, and for what any pom names beside it an empty folder. A proxy as the environment names it is handed on. */
export function writeSettings(mirror: string, nowhere: string, proxies: readonly (string | undefined)[]): string {
  const one = (id: string, of: string, url: string): string =>
    `<mirror><id>${id}</id><mirrorOf>${of}</mirrorOf><url>${escapeXml(url)}</url></mirror>`;
  const mirrors = mirror === "" ? one("nowhere", "*,!central", nowhere) : one("registry", "*", mirror);
  const proxy = proxies.find((text) => text !== undefined && URL.canParse(text));
  const { hostname, port } = new URL(proxy ?? "http://localhost:80");
  const hop = (protocol: string): string =>
    `<proxy><id>${protocol}</id><active>true</active><protocol>${protocol}</protocol><host>${escapeXml(hostname)}</host><port>${port || "80"}</port></proxy>`;
  return `<settings><mirrors>${mirrors}</mirrors>${proxy === undefined ? "" : `<proxies>${hop("http")}${hop("https")}</proxies>`}</settings>`;
}
