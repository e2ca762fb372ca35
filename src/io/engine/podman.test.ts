import { afterAll, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { missingOwnPodman, startOwnPodman } from "../../../test/own-podman.ts";

const missing = await missingOwnPodman();
const podman = missing === undefined ? await startOwnPodman() : undefined;
// Before those of the files below: hooks that end something run from the last to the first.
afterAll(() => podman?.close());

needs(missing)("Podman's service is there, and the cases of Docker's tests hold for it", async () => {
  const { default: Docker } = await import("dockerode");
  const { Components } = (await new Docker().version()) as { Components?: readonly { readonly Name: string }[] };
  expect(Components?.map(({ Name }) => Name)).toContain("Podman Engine");
});

if (podman !== undefined) {
  process.env["DOCKER_HOST"] = podman.host;
  process.env["TIDEMILL_TEST_PODMAN"] = "1";
  await import("./docker-engine.test.ts");
  await import("./serve-container.test.ts");
}
