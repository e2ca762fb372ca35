import { describe, expect, it } from "vitest";
import { createFindClient } from "./find-client.ts";

type Request = Parameters<ReturnType<typeof createFindClient>>[0];

const request = (remoteAddress: string | undefined, headers: Request["headers"] = {}, encrypted = false): Request => ({
  headers,
  socket: { remoteAddress, ...(encrypted ? { encrypted } : {}) } as Request["socket"],
});

describe("without proxies", () => {
  const find = createFindClient([]);

  it.each(["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])("%s is this machine, and may speak plainly", (peer) =>
    expect(find(request(peer))).toMatchObject({ isLocal: true, isPlain: false }),
  );

  it.each(["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1", "::ffff:0:127.0.0.1", "", undefined])(
    "%s is another one, and is heard by others",
    (peer) => expect(find(request(peer))).toMatchObject({ isLocal: false, isPlain: true }),
  );

  it("hears another one by TLS", () =>
    expect(find(request("192.0.2.7", {}, true))).toEqual({ address: "192.0.2.7", isLocal: false, isPlain: false }));

  it.each([{ "x-forwarded-for": "127.0.0.1" }, { forwarded: "for=127.0.0.1" }, { "x-real-ip": "127.0.0.1" }])(
    "takes what a proxy on this machine brings (%o) for nobody of this machine",
    (headers) => expect(find(request("127.0.0.1", headers))).toMatchObject({ isLocal: false }),
  );

  it("believes nobody who says that he is behind a proxy", () =>
    expect(find(request("192.0.2.7", { "x-forwarded-for": "127.0.0.1" }, true)).address).toBe("192.0.2.7"));
});

describe("behind proxies", () => {
  const find = createFindClient(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]);
  const by = (hops: string, more: Request["headers"] = {}) =>
    find(request("10.1.2.3", { "x-forwarded-for": hops, ...more }));

  it.each([
    ["198.51.100.7", "198.51.100.7"],
    // Whoever asks may write hops before those that the proxies add.
    ["127.0.0.1, 198.51.100.7", "198.51.100.7"],
    ["203.0.113.9, 198.51.100.7, 10.9.9.9", "198.51.100.7"],
    ["198.51.100.7:4711", "198.51.100.7"],
    ["[2001:db8::1]:4711", "2001:db8::1"],
    ["2001:db8::1, fd12::1", "2001:db8::1"],
    ["::ffff:198.51.100.7", "198.51.100.7"],
    // One of them is the caller, or it is not said who.
    ["10.9.9.9", "10.1.2.3"],
    ["unknown", "10.1.2.3"],
    ["198.51.100.7, <script>", "10.1.2.3"],
    ["", "10.1.2.3"],
    [`${"198.51.100.7,".repeat(2000)} 198.51.100.8`, "198.51.100.8"],
  ])("%.60s comes from %s", (hops, address) => expect(by(hops)).toEqual({ address, isLocal: false, isPlain: false }));

  it("is never local, also where a proxy of this machine says nothing, or says that it is", () => {
    expect(find(request("127.0.0.1"))).toMatchObject({ isLocal: false });
    expect(find(request("127.0.0.1", { "x-forwarded-for": "127.0.0.1" }))).toMatchObject({ isLocal: false });
    expect(by("127.0.0.1")).toMatchObject({ isLocal: false });
  });

  it("takes who comes by this machine's own listener for local, unless somebody is behind it", () => {
    const findLocal = createFindClient(["127.0.0.1"], () => true);
    expect(findLocal(request("127.0.0.1"))).toEqual({ address: "127.0.0.1", isLocal: true, isPlain: false });
    expect(findLocal(request("127.0.0.1", { "x-forwarded-for": "198.51.100.7" })).isLocal).toBe(false);
  });

  it("sees that the way to the proxy was plain", () => {
    expect(by("198.51.100.7", { "x-forwarded-proto": "http" }).isPlain).toBe(true);
    expect(by("198.51.100.7", { "x-forwarded-proto": "https, HTTP" }).isPlain).toBe(true);
    expect(by("198.51.100.7", { "x-forwarded-proto": "https" }).isPlain).toBe(false);
  });

  it("lets nobody else speak plainly", () =>
    expect(find(request("11.1.2.3", { "x-forwarded-for": "10.0.0.1", "x-forwarded-proto": "https" }))).toEqual({
      address: "11.1.2.3",
      isLocal: false,
      isPlain: true,
    }));
});
