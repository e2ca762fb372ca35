import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { parseConfig } from "../../src/core/config/index.ts";
import { createDeployTarget } from "../../src/io/deploy/index.ts";
import { loneWorld } from "../../src/io/deploy/testdata/lone-world.ts";
import { sha256 } from "../../src/lib/index.ts";

const home = fileURLToPath(new URL("../../examples/compose/", import.meta.url));

it("the example of a service behind a proxy is one that can be deployed", async () => {
  const parsed = parseConfig(await readFile(join(home, "tidemill.yaml"), "utf8"), {});
  if (parsed.kind !== "ok") throw new Error(JSON.stringify(parsed.problems));
  const { shop } = parsed.config.deployments;
  if (shop === undefined) throw new Error("it deploys nothing");
  const digest = sha256("web");
  const place = { deployment: "shop", image: "web", environment: "production" };
  const request = { ...place, id: "1", fence: 1, digest, reference: `web@${digest}`, previous: undefined } as const;
  const plan = await createDeployTarget(shop, loneWorld(home)).plan(
    { ...request, kind: "forward", reason: "it is named" },
    new AbortController().signal,
  );
  expect(plan).toEqual({
    steps: [`starts web with web@${digest} beside what runs`, "waits until it is healthy", "ends the old one"],
  });
});
