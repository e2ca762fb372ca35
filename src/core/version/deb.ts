/** A Debian version, split once so that comparing allocates nothing. Debian Policy 5.6.12. */
export interface DebVersion {
  readonly epoch: number;
  readonly upstream: string;
  /** Empty where there is none, which is the same as `0`. */
  readonly revision: string;
}

const maxEpoch = 2 ** 31 - 1;
/** A colon stands only where there is an epoch, and never in the revision, which is not empty. */
const shape =
  /^(?:\d{1,99}:[0-9](?:[0-9A-Za-z.+~:]*|[0-9A-Za-z.+~:-]*-[0-9A-Za-z.+~]+)|[0-9](?:[0-9A-Za-z.+~-]*[0-9A-Za-z.+~])?)$/;

/** Whether `text` is a version that a package may have. */
export function isDebVersion(text: string): boolean {
  return text.length <= 1024 && shape.test(text) && numberBefore(text, text.indexOf(":")) <= maxEpoch;
}

/** The parts of a version. Total: what no package may have as its version has parts too, and an order among the others. */
export function parseDeb(text: string): DebVersion {
  const colon = text.indexOf(":");
  const epoch = colon < 0 ? 0 : numberBefore(text, colon);
  const dash = text.lastIndexOf("-");
  const end = dash > colon ? dash : text.length;
  return { epoch, upstream: text.slice(colon + 1, end), revision: text.slice(end + 1) };
}

/** Order of two versions as dpkg has it: negative, zero or positive. */
export function compareDeb(a: DebVersion, b: DebVersion): number {
  return (
    a.epoch - b.epoch ||
    compareRuns(a.upstream, 0, a.upstream.length, b.upstream, 0, b.upstream.length) ||
    compareRuns(a.revision, 0, a.revision.length, b.revision, 0, b.revision.length)
  );
}

/** Order of two versions given as text, without allocating: what is not a version is compared by the same rules. */
export function compareDebText(a: string, b: string): number {
  if (a === b) return 0;
  const colonA = a.indexOf(":");
  const colonB = b.indexOf(":");
  const epochs = numberBefore(a, colonA) - numberBefore(b, colonB);
  if (epochs !== 0) return epochs;
  const dashA = a.lastIndexOf("-");
  const dashB = b.lastIndexOf("-");
  const endA = dashA > colonA ? dashA : a.length;
  const endB = dashB > colonB ? dashB : b.length;
  return (
    compareRuns(a, colonA + 1, endA, b, colonB + 1, endB) || compareRuns(a, endA + 1, a.length, b, endB + 1, b.length)
  );
}

function numberBefore(text: string, end: number): number {
  let value = 0;
  for (let at = 0; at < end; at += 1) value = value * 10 + text.charCodeAt(at) - 48;
  return value;
}

/** Runs of other characters and of digits in turn; `~` sorts before the end of a run, letters before the rest. */
function compareRuns(a: string, fromA: number, endA: number, b: string, fromB: number, endB: number): number {
  let i = fromA;
  let j = fromB;
  while (i < endA || j < endB) {
    while ((i < endA && !isDigit(a.charCodeAt(i))) || (j < endB && !isDigit(b.charCodeAt(j)))) {
      const order = weight(a, i, endA) - weight(b, j, endB);
      if (order !== 0) return order;
      i += 1;
      j += 1;
    }
    while (i < endA && a.charCodeAt(i) === 48) i += 1;
    while (j < endB && b.charCodeAt(j) === 48) j += 1;
    let first = 0;
    while (i < endA && j < endB && isDigit(a.charCodeAt(i)) && isDigit(b.charCodeAt(j))) {
      if (first === 0) first = a.charCodeAt(i) - b.charCodeAt(j);
      i += 1;
      j += 1;
    }
    if (i < endA && isDigit(a.charCodeAt(i))) return 1;
    if (j < endB && isDigit(b.charCodeAt(j))) return -1;
    if (first !== 0) return first;
  }
  return 0;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function weight(text: string, at: number, end: number): number {
  if (at >= end) return 0;
  const code = text.charCodeAt(at);
  if (isDigit(code)) return 0;
  if (code === 126) return -1;
  const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return isLetter ? code : code + 256;
}
