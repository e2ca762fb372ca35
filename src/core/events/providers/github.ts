import { z } from "zod";
import { parsePushNotification } from "../../base/index.ts";
import { bodyKey, provenByHmac } from "../proofs.ts";
import { readJson, readShape } from "../read-json.ts";
import { sourceSubjects } from "../source-key.ts";
import type { Delivery, Provider, Told } from "../types.ts";
import { imagesOf } from "./images-of.ts";

const address = z.string().max(2000).optional();
const repository = z.object({ clone_url: address, ssh_url: address, git_url: address, html_url: address });
const ref = z.string().min(1).max(1000);

const pushed = z.object({ ref, repository });
const released = z.object({ action: z.string().max(50), release: z.object({ tag_name: ref }), repository });
const advised = z.object({ action: z.string().max(50) });

/** What each event is about, by its `X-GitHub-Event`; all others are about nothing that we look at. */
const readers: Readonly<Record<string, (delivery: Delivery) => Told>> = {
  push: (delivery) => readShape(delivery, pushed, "a push", (one) => sourceTold(one.repository, one.ref)),
  create: (delivery) => readShape(delivery, pushed, "a new ref", (one) => sourceTold(one.repository, one.ref)),
  release: (delivery) =>
    readShape(delivery, released, "a release", (one) => sourceTold(one.repository, one.release.tag_name)),
  package: readPackage,
  registry_package: readPackage,
  security_advisory: readAdvisory,
  repository_advisory: readAdvisory,
  dependabot_alert: readAdvisory,
};

/** GitHub, "Webhook events and payloads" and "Validating webhook deliveries". */
export const github: Provider = {
  prove: (delivery, { secret }) => provenByHmac(delivery, secret, { header: "x-hub-signature-256", prefix: "sha256=" }),
  read: (delivery) => {
    const event = delivery.header("x-github-event") ?? "";
    if (event === "") return { kind: "unknown", reason: "it has no X-GitHub-Event" };
    const read = Object.hasOwn(readers, event) ? readers[event] : undefined;
    return read?.(delivery) ?? { kind: "other", what: event.slice(0, 100) };
  },
  // X-GitHub-Delivery is not signed: who has a copy could give it another.
  key: bodyKey,
};

function sourceTold({ clone_url, ssh_url, git_url, html_url }: z.output<typeof repository>, of: string): Told {
  return { kind: "told", subjects: sourceSubjects([clone_url, ssh_url, git_url, html_url], of) };
}

function readPackage(delivery: Delivery): Told {
  const json = readJson(delivery);
  return json.kind === "unknown" ? json : imagesOf(parsePushNotification(json.value), ["github"]);
}

function readAdvisory(delivery: Delivery): Told {
  return readShape(delivery, advised, "an advisory", () => ({ kind: "told", subjects: [{ kind: "advisories" }] }));
}
