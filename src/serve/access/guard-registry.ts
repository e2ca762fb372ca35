import type { IncomingMessage, ServerResponse } from "node:http";
import type { Store } from "../../io/store/index.ts";
import { AppError, type Logger } from "../../lib/index.ts";
import type { Principal } from "../../operation/index.ts";
import { reaches, requireRole, type LabelsOf } from "./authorize.ts";
import { errorAnswer } from "../error-answer.ts";
import { ServeError } from "../error.ts";
import type { Admission } from "./create-admission.ts";
import { TooManyError } from "./too-many-error.ts";

export interface RegistryGuardOptions {
  readonly admission: Admission;
  readonly handler: (request: IncomingMessage, response: ServerResponse) => void;
  /** Whether whoever reaches it may pull. */
  readonly anonymousPull: boolean;
  /** The image of the fleet that has a repository. */
  readonly imageOf: (repository: string) => string | undefined;
  /** Tags that only Tidemill itself moves. */
  readonly isOwnTag: (tag: string) => boolean;
  readonly labelsOf: LabelsOf;
  /** Where writes are recorded. */
  readonly store?: Pick<Store, "saveAudit">;
  readonly logger: Logger;
}

/** What of a request says whether it is allowed. */
interface Asked {
  readonly repository: string | undefined;
  /** Of a manifest: a tag or digest. */
  readonly reference: string | undefined;
  readonly isWrite: boolean;
  readonly isDelete: boolean;
}

const challenge = 'Basic realm="Tidemill", charset="UTF-8"';

/**
 * Lets requests through to the registry. On this machine nobody needs a credential: engines and tools come by loopback. All others send an API token as the password of
 * Basic (RFC 7617; what `docker login` sends, with any name), or as Bearer: every role may pull, an operator may add, and only an admin may delete, or move a tag by
 * which Tidemill says what an environment runs. A token with labels reaches the repositories of its images. Refusals have the form of distribution-spec 1.1, Error Codes.
 */
export function createRegistryGuard(
  options: RegistryGuardOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const { admission, handler, logger } = options;
  return (request, response) => {
    const asked = readAsked(request);
    check(request, asked, options).then(
      () => handler(request, response),
      (error: unknown) => {
        if (!(error instanceof AppError)) logger.error({ err: error }, "a request to the registry failed");
        else if (error.code === "UNAUTHORIZED" && request.headers.authorization !== undefined)
          logger.info({ from: admission.identify(request).address }, "a credential for the registry was refused");
        refuse(request, response, error);
      },
    );
  };
}

async function check(request: IncomingMessage, asked: Asked, options: RegistryGuardOptions): Promise<void> {
  const { client, principal } = await options.admission.admit(request, bearerOf(request.headers.authorization));
  if (principal === undefined) {
    if (client.isLocal || (options.anonymousPull && !asked.isWrite)) return;
    throw new ServeError("UNAUTHORIZED", "this registry wants a token", {
      hint: "`docker login` with any name and a token of `tidemill token create` as the password.",
    });
  }
  requireRole(asked.isWrite ? "operator" : "viewer", principal, asked.isWrite ? "a push" : "a pull");
  if (asked.repository !== undefined) checkRepository(asked.repository, asked, principal, options);
  if (!asked.isWrite || asked.reference === undefined) return;
  await options.store?.saveAudit(principal.name, asked.isDelete ? "registry-deleted" : "registry-pushed", {
    repository: asked.repository,
    reference: asked.reference,
    caller: principal.kind,
    credential: principal.credential,
  });
}

function checkRepository(
  repository: string,
  asked: Asked,
  principal: Principal,
  { imageOf, isOwnTag, labelsOf }: RegistryGuardOptions,
): void {
  const image = imageOf(repository);
  const isInScope = principal.labels.length === 0 || (image !== undefined && reaches(principal, image, labelsOf));
  // Whether there is such a repository is not said.
  if (!isInScope) throw new ServeError("OUT_OF_SCOPE", `${principal.name} is limited to other repositories`);
  if (image === undefined || !asked.isWrite || asked.reference === undefined) return;
  if (asked.isDelete) requireRole("admin", principal, `deleting from the repository of ${image}`);
  else if (isOwnTag(asked.reference)) requireRole("admin", principal, `moving ${asked.reference} of ${image}`);
}

/** A Basic credential as the Bearer that its password is; anything else as it is. */
function bearerOf(authorization: string | undefined): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]{1,8192})$/i.exec(authorization ?? "")?.[1];
  if (encoded === undefined) return authorization;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  return `Bearer ${text.slice(text.indexOf(":") + 1)}`;
}

function readAsked({ method = "GET", url = "/" }: IncomingMessage): Asked {
  const path = url.split("?")[0] ?? "/";
  const { repository, kind, reference } =
    /^\/v2\/(?<repository>.{1,255}?)\/(?<kind>blobs|manifests|referrers|tags)\/(?<reference>.*)$/.exec(path)?.groups ??
    {};
  return {
    repository,
    reference: kind === "manifests" && reference !== undefined ? decode(reference) : undefined,
    isWrite: method !== "GET" && method !== "HEAD" && method !== "OPTIONS",
    isDelete: method === "DELETE",
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const { status, body } = errorAnswer(error);
  const code =
    status === 401 ? "UNAUTHORIZED" : status === 429 ? "TOOMANYREQUESTS" : status < 500 ? "DENIED" : "UNKNOWN";
  const message = body.hint === null ? body.detail : `${body.detail}. ${body.hint}`;
  response.writeHead(status, {
    "content-type": "application/json",
    "docker-distribution-api-version": "registry/2.0",
    ...(status === 401 ? { "www-authenticate": challenge } : {}),
    ...(error instanceof TooManyError ? { "retry-after": String(error.retryAfter) } : {}),
    // What of an upload is still under way is not read.
    ...(request.method === "GET" || request.method === "HEAD" ? {} : { connection: "close" }),
  });
  response.end(request.method === "HEAD" ? undefined : JSON.stringify({ errors: [{ code, message }] }));
}
