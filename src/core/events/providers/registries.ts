import { parsePushNotification, type PushFormat } from "../../base/index.ts";
import { bodyKey, provenByAddress, provenByToken } from "../proofs.ts";
import { readJson } from "../read-json.ts";
import type { Provider } from "../types.ts";
import { imagesOf } from "./images-of.ts";

/** Docker Hub, "Webhooks". It signs nothing and sends no header of one's own: the secret stands in the address. */
export const dockerHub = registry("docker-hub", "address");
/** Quay, "Repository notifications", as Docker Hub. */
export const quay = registry("quay", "address");
/** Harbor, "Configure webhook notifications": its "auth header" is sent as it is. Both of its forms. */
export const harbor = registry("harbor", "header");
/** CNCF Distribution, "Notifications": `headers:` of its endpoint. */
export const distribution = registry("distribution", "header");

function registry(format: PushFormat, secretIn: "address" | "header"): Provider {
  return {
    prove: (delivery, { secret }) =>
      secretIn === "address" ? provenByAddress(delivery, secret) : provenByToken(delivery, secret, "authorization"),
    read: (delivery) => {
      const json = readJson(delivery);
      return json.kind === "unknown" ? json : imagesOf(parsePushNotification(json.value), [format]);
    },
    // Each has its time and its number in the body.
    key: bodyKey,
  };
}
