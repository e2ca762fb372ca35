/** Remembers values up to so many bytes altogether; what was asked for longest ago goes first. */
export class Lru<Key, Value> {
  private readonly held = new Map<Key, { readonly value: Value; readonly bytes: number }>();
  private readonly limit: number;
  private bytes = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get(key: Key): Value | undefined {
    const one = this.held.get(key);
    if (one === undefined) return undefined;
    this.held.delete(key);
    this.held.set(key, one);
    return one.value;
  }

  /** One that is larger than the limit is not remembered. */
  set(key: Key, value: Value, bytes: number): void {
    this.bytes -= this.held.get(key)?.bytes ?? 0;
    this.held.delete(key);
    if (bytes > this.limit) return;
    this.held.set(key, { value, bytes });
    this.bytes += bytes;
    for (const [oldest, { bytes: freed }] of this.held) {
      if (this.bytes <= this.limit) break;
      this.held.delete(oldest);
      this.bytes -= freed;
    }
  }
}
