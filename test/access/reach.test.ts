import { describe, expect, it } from "vitest";
import { startHostile } from "../../src/io/registry/testdata/hostile-server.ts";
import { serveFleet } from "../../src/serve-fleet.ts";
import type { Role } from "../../src/operation/index.ts";
import { smallFleets } from "../faults/fixture.ts";

const fleets = smallFleets();

/** A served fleet, somebody with a token, and a registry on this machine that nobody named. */
async function given(server: object = {}) {
  const small = await fleets.create({ server: { trustedProxies: ["192.0.2.1"], local: "127.0.0.1:0", ...server } });
  const { fleet, operations } = await fleets.open(small);
  const canary = await startHostile((_, response) => response.writeHead(404).end("{}"));
  fleets.onEnd(() => canary.close());
  const { env, configPath } = small;
  const served = await serveFleet(fleet, { env, configPath, listen: "127.0.0.1:0", watch: false });
  fleets.onEnd(() => served.close());
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const roles: Role[] = ["admin"];
  const { secret } = await operations.tokenCreate({ name: "ci", roles, labels: [], by: "ada", expiresAt });
  const ask = async (name: string, input: object) => {
    const response = await fetch(new URL(`/api/v1/operations/${name}`, served.statusPage), {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: JSON.stringify(input),
    });
    return { status: response.status, problem: (await response.json()) as { code?: string; detail?: string } };
  };
  return { ask, canary, operations, port: canary.host.split(":")[1] ?? "" };
}

/** Every operation that is told where to look, by what it is told. */
const lookers: Readonly<Record<string, (reference: string) => object>> = {
  check: (image) => ({ image }),
  scan: (subject) => ({ subject }),
  inventory: (subject) => ({ subject }),
  verify: (reference) => ({ reference, keys: [publicKey] }),
  diff: (a) => ({ a, b: a }),
  rebase: (image) => ({ image, onto: image }),
};
const publicKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
`;

describe("what a caller from elsewhere has the server ask", () => {
  it("is no address of the server's own networks, however it is written", async () => {
    const { ask, canary, port } = await given();
    const places = [
      "127.0.0.1:PORT",
      "localhost:PORT",
      "localhost.:PORT",
      "127.1:PORT",
      "2130706433:PORT",
      "0x7f.1:PORT",
    ];
    for (const place of [...places, "169.254.169.254:80", "10.0.0.1:80", "192.168.0.1:80"]) {
      const reference = `${place.replace("PORT", port)}/team/app:1`;
      for (const [what, input] of Object.entries(lookers)) {
        const { status, problem } = await ask(what, input(reference));
        expect([403, 400], `${what} of ${reference}: ${JSON.stringify(problem)}`).toContain(status);
        expect(["REFUSED_ADDRESS", "BAD_REFERENCE"]).toContain(problem.code);
        expect(problem.detail).not.toMatch(/which is/);
      }
    }
    expect(canary.connections()).toBe(0);
  }, 120_000);

  it("is neither a file nor a feed of its choice", async () => {
    const { ask, canary } = await given();
    for (const subject of ["oci:/etc", "docker-archive:/etc/passwd", "dir:/etc", "sbom:/etc/passwd", "/etc/passwd"])
      expect(await ask("scan", { subject })).toMatchObject({ status: 501 });
    for (const feed of [`${canary.origin}/all.zip`, "/etc/passwd", `kev=${canary.origin}/kev.json`])
      expect(await ask("scan", { subject: "registry.example/app", feeds: [feed] })).toMatchObject({
        status: 501,
        problem: { code: "UNSUPPORTED" },
      });
    expect(canary.connections()).toBe(0);
  }, 120_000);

  it("may be in a network that the configuration names; whoever holds the state asks anything", async () => {
    const { ask, canary, operations } = await given({ reach: ["127.0.0.0/8"] });
    const reference = `${canary.host}/team/app:1`;
    expect((await ask("check", { image: reference })).problem.code).not.toBe("REFUSED_ADDRESS");
    expect(canary.asked.length).toBeGreaterThan(0);
    canary.asked.length = 0;
    await operations.check({ image: reference }).catch(() => undefined);
    expect(canary.asked.length).toBeGreaterThan(0);
  }, 120_000);
});
