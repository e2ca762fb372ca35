/** Order of two Debian versions. Policy 5.6.12. */
export function compareDebText(a: string, b: string): number {
  const [ea, ra] = epoch(a);
  const [eb, rb] = epoch(b);
  if (ea !== eb) return ea - eb;
  const [ua, va] = revision(ra);
  const [ub, vb] = revision(rb);
  return runs(ua, ub) || runs(va, vb);
}
function epoch(v: string): [number, string] {
  const at = v.indexOf(":");
  return at === -1 ? [0, v] : [Number(v.slice(0, at)), v.slice(at + 1)];
}
function revision(v: string): [string, string] {
  const at = v.lastIndexOf("-");
  return at === -1 ? [v, ""] : [v.slice(0, at), v.slice(at + 1)];
}
function weight(c: string | undefined): number {
  if (c === undefined || (c >= "0" && c <= "9")) return 0;
  if (c === "~") return -1;
  return /[A-Za-z]/.test(c) ? c.charCodeAt(0) : c.charCodeAt(0) + 256;
}
function digit(c: string | undefined): boolean {
  return c !== undefined && c >= "0" && c <= "9";
}
function runs(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !digit(a[i])) || (j < b.length && !digit(b[j]))) {
      const d = weight(a[i]) - weight(b[j]);
      if (d !== 0) return d;
      i += 1;
      j += 1;
    }
    let m = "";
    let n = "";
    while (digit(a[i])) m += a[i++];
    while (digit(b[j])) n += b[j++];
    const d = BigInt(m || 0) - BigInt(n || 0);
    if (d !== 0n) return d < 0n ? -1 : 1;
  }
  return 0;
}
