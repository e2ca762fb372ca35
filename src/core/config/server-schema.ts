import { z } from "zod";
import { login } from "./login-schema.ts";
import { duration, secureAddress, text, units } from "./values.ts";
import { workloads } from "./workloads-schema.ts";

const hostName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/, "the name of a machine, in lower case: `tidemill.example.com`");

const address = z.union([z.ipv4(), z.ipv6(), z.literal("localhost")]);

const port = String.raw`(?<port>\d{1,5})`;
const place = new RegExp(String.raw`^(?<host>localhost|\d[\d.]*|\[[0-9a-fA-F:.]{2,45}\]):${port}$`);

/** Host and port of `127.0.0.1:7077`, brackets of IPv6 left out; undefined where it is no such thing. Names are not looked up, but for localhost. */
export function parseListen(listen: string): { readonly host: string; readonly port: number } | undefined {
  const { host: written = "", port: digits } = place.exec(listen)?.groups ?? {};
  const host = written.replace(/^\[(.*)\]$/, "$1");
  if (digits === undefined || Number(digits) > 65_535 || !address.safeParse(host).success) return undefined;
  return { host, port: Number(digits) };
}

/** Whether only this machine can reach an address that parseListen takes. */
export function isLoopbackListen(listen: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost):/.test(listen);
}

const listen = z.string().refine((value) => parseListen(value) !== undefined, "an address and port: `127.0.0.1:7077`");

/** RFC 4632, and RFC 4291, 2.3. */
const network = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: "a network: `10.0.0.0/8`, `fd00::/8`, or one address",
});

/** `server:` of the configuration: where it listens, by what names it is asked, and who is let in how. */
export const server = z
  .strictObject({
    listen: listen.default("127.0.0.1:7077").describe("Elsewhere than on loopback only with `tls` or `trustedProxies`"),
    local: listen
      .refine(isLoopbackListen, "a loopback address and port: `127.0.0.1:7077`")
      .default("127.0.0.1:7078")
      .describe("Where commands and engines of this machine reach it when `listen` is for others"),
    hosts: z.array(hostName).max(50).default([]).describe("Names, beside loopback's, under which it may be asked"),
    url: secureAddress.optional().describe("How others reach it: pipelines are told to call back there"),
    tls: z
      .strictObject({ cert: text.describe("PEM file, the chain"), key: text.describe("PEM file, not encrypted") })
      .optional()
      .describe("Read anew when the files change"),
    trustedProxies: z
      .array(network)
      .max(50)
      .default([])
      .describe("Who may speak plain HTTP from elsewhere and is believed in X-Forwarded-For; they end TLS"),
    workloads,
    login,
    reach: z
      .array(network)
      .max(50)
      .default([])
      .describe("Networks beside the public internet in which callers from elsewhere may have it ask registries"),
    registry: z
      .strictObject({ anonymousPull: z.boolean().default(false).describe("Whether anybody may pull images") })
      .prefault({}),
    rateLimit: z
      .strictObject({
        requests: z.number().int().min(1).max(1_000_000).default(600),
        refusals: z.number().int().min(1).max(1000).default(10).describe("Wrong credentials"),
        per: duration.default(units.m),
      })
      .prefault({})
      .describe("Of each caller that is not on this machine"),
  })
  .superRefine((value, context) => {
    const refuse = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
    if (!isForOthers(value)) return;
    if (value.tls === undefined && value.trustedProxies.length === 0)
      refuse(
        "listen",
        "others could reach it, and what they send (tokens, images) could be read: give it `tls:`, or name the proxies that end TLS in `trustedProxies:`",
      );
    const [own, others] = [parseListen(value.local)?.port, parseListen(value.listen)?.port];
    if (own === others && own !== 0) refuse("local", `it needs another port than \`listen\`, which has ${others}`);
  });

export type ServerConfig = z.output<typeof server>;

/** Whether `listen` is for more than this machine: then this machine has a listener of its own. */
export function isForOthers(
  value: Pick<ServerConfig, "listen" | "trustedProxies"> & { readonly tls?: unknown },
): boolean {
  return value.tls !== undefined || value.trustedProxies.length > 0 || !isLoopbackListen(value.listen);
}
