import { parsePushNotification } from "../../base/index.ts";
import { findTexts } from "../json-path.ts";
import { isStandard, provenByHmac, provenByStandard, provenByToken } from "../proofs.ts";
import { readJson } from "../read-json.ts";
import { sourceSubjects } from "../source-key.ts";
import type { GenericLooks, Provider, Subject, Told } from "../types.ts";
import { imagesOf } from "./images-of.ts";

/**
 * Any sender: what matters stands where the configuration's JSONPaths say, or without them as `{"image": …}`, `{"images": […]}` or `{"repository": …, "ref": …}`.
 * Proven by a header with the body's HMAC, by Standard Webhooks, or by a token in `Authorization`.
 */
export const generic: Provider = {
  prove: (delivery, { secret, signature }, now) => {
    if (signature !== undefined) return provenByHmac(delivery, secret, signature);
    return isStandard(delivery)
      ? provenByStandard(delivery, secret, now)
      : provenByToken(delivery, secret, "authorization");
  },
  read: (delivery, { looks = {} }) => {
    const json = readJson(delivery);
    return json.kind === "unknown" ? json : told(json.value, looks);
  },
  key: (delivery, { id }) => {
    if (isStandard(delivery)) return delivery.header("webhook-id");
    const json = id === undefined ? undefined : readJson(delivery);
    // Two pushes to one tag may say the same.
    if (id === undefined || json?.kind !== "json") return undefined;
    const found = findTexts(id, json.value);
    return found.length === 0 ? undefined : JSON.stringify(found);
  },
};

function told(value: unknown, looks: GenericLooks): Told {
  const { image, repository = "$.repository", ref = "$.ref", advisories = false, packages = false } = looks;
  const standing: Subject[] = [
    ...(advisories ? [{ kind: "advisories" } as const] : []),
    ...(packages ? [{ kind: "packages" } as const] : []),
  ];
  const images = imagesAt(value, image);
  const of = findTexts(ref, value)[0];
  const sources = findTexts(repository, value).flatMap((address) => sourceSubjects([address], of));
  const subjects = [...images, ...sources, ...standing];
  if (subjects.length > 0) return { kind: "told", subjects };
  return { kind: "unknown", reason: "nothing stands where `looks:` says" };
}

function imagesAt(value: unknown, path: string | undefined): readonly Subject[] {
  const named = path === undefined ? value : { images: findTexts(path, value) };
  const read = imagesOf(parsePushNotification(named), ["generic"]);
  return read.kind === "told" ? read.subjects : [];
}
