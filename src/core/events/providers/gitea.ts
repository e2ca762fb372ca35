import { z } from "zod";
import { parsePushNotification } from "../../base/index.ts";
import { bodyKey, provenByHmac } from "../proofs.ts";
import { readShape } from "../read-json.ts";
import { sourceSubjects } from "../source-key.ts";
import type { Delivery, Provider, Told } from "../types.ts";
import { imagesOf } from "./images-of.ts";

const address = z.string().max(2000).optional();
const repository = z.object({ clone_url: address, ssh_url: address, html_url: address });
const ref = z.string().min(1).max(1000);

const pushed = z.object({ ref, repository });
const released = z.object({ release: z.object({ tag_name: ref }), repository });
const part = z.string().regex(/^[A-Za-z0-9._-]{1,200}$/);
const packaged = z.object({
  action: z.string().max(50),
  package: z.object({
    type: z.string().max(50),
    name: z.string().regex(/^[A-Za-z0-9._/-]{1,400}$/),
    version: part.optional(),
    html_url: z.url({ protocol: /^https?$/ }).max(2000),
    owner: z.object({ login: part }),
  }),
});

const readers: Readonly<Record<string, (delivery: Delivery) => Told>> = {
  push: (delivery) => readShape(delivery, pushed, "a push", (one) => sources(one.repository, one.ref)),
  create: (delivery) => readShape(delivery, pushed, "a new ref", (one) => sources(one.repository, one.ref)),
  release: (delivery) =>
    readShape(delivery, released, "a release", (one) => sources(one.repository, one.release.tag_name)),
  package: (delivery) => readShape(delivery, packaged, "a package", image),
};

/** Gitea and Forgejo, "Webhooks". */
export const gitea: Provider = {
  prove: (delivery, { secret }) => provenByHmac(delivery, secret, { header: "x-gitea-signature" }),
  read: (delivery) => {
    const event = delivery.header("x-gitea-event") ?? "";
    if (event === "") return { kind: "unknown", reason: "it has no X-Gitea-Event" };
    const read = Object.hasOwn(readers, event) ? readers[event] : undefined;
    return read?.(delivery) ?? { kind: "other", what: event.slice(0, 100) };
  },
  key: bodyKey,
};

function sources({ clone_url, ssh_url, html_url }: z.output<typeof repository>, of: string): Told {
  return { kind: "told", subjects: sourceSubjects([clone_url, ssh_url, html_url], of) };
}

function image({ action, package: made }: z.output<typeof packaged>): Told {
  if (action !== "created" || made.type !== "container") return { kind: "other", what: `a package: ${action}` };
  const name = `${new URL(made.html_url).host}/${made.owner.login}/${made.name}`.toLowerCase();
  const reference = made.version === undefined ? name : `${name}:${made.version}`;
  return imagesOf(parsePushNotification({ image: reference }), ["generic"]);
}
