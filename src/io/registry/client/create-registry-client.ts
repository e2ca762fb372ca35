import { parseReference, type Reference } from "../../../core/image/index.ts";
import { systemClock, type Clock, type Digest } from "../../../lib/index.ts";
import { isLoopbackName, type AddressRule, type Lookup } from "./address-guard.ts";
import { createAuthenticator } from "./authenticator.ts";
import type { RegistryHabits } from "./blob-upload.ts";
import type { CredentialSource } from "./credentials.ts";
import { createKnownContent, type KnownContent } from "./known-content.ts";
import { checkRepository } from "./manifests.ts";
import { createRepository, type Repository } from "./repository.ts";
import { createRequester, type Requester } from "./requester.ts";
import { createTransport, type RequestStats } from "./transport.ts";

export interface RegistryClientOptions {
  /** Anonymous when left out; see `dockerCredentials`. */
  readonly credentials?: CredentialSource;
  /** Hosts (`registry.lan:5000`) that are spoken to without TLS. Loopback always is. */
  readonly insecure?: readonly string[];
  /** Origins (`https://auth.lan`) that a registry may send us to although they are private, without https, or of another domain. */
  readonly trustedOrigins?: readonly string[];
  /** Certificate authorities in PEM, instead of Node's. */
  readonly ca?: string;
  /** Requests at a time to one host. */
  readonly connectionsPerHost?: number;
  /** Requests in all; then BUDGET_SPENT. */
  readonly requestBudget?: number;
  /** Repetitions of a request that failed in a way that may pass. */
  readonly retries?: number;
  /** Milliseconds without any progress after which a request has failed. */
  readonly timeoutMs?: number;
  /** Larger blobs are sent in pieces of this many bytes; 0 sends each in one piece. */
  readonly chunkBytes?: number;
  readonly clock?: Clock;
  /** For jitter: from 0 to 1. */
  readonly random?: () => number;
  readonly lookup?: Lookup;
  /** For names of registries that come from others: whom they may have us ask. Without it whatever is named. */
  readonly reach?: RegistryReach;
}

/** Which registries may be asked. */
export interface RegistryReach {
  /** Whether a registry (`registry.lan:5000`) may be at any address. */
  readonly isKnown: (host: string) => boolean;
  /** At which addresses the others may be. */
  readonly isAllowed: AddressRule;
}

/** Talks to registries. What it learned of what is where is kept as long as it lives. */
export interface RegistryClient {
  /** The repository that a reference names; its tag and digest play no part. */
  repository(reference: string | Reference): Repository;
  /** What was asked so far, of all registries. */
  stats(): RequestStats;
  /** Ends all connections; requests under way fail. */
  close(): Promise<void>;
}

interface Registry {
  readonly requester: Requester;
  readonly habits: RegistryHabits;
  readonly known: KnownContent;
  readonly uploading: Map<string, Promise<number>>;
  readonly arriving: Map<Digest, Promise<number>>;
}

/** A client of OCI distribution-spec 1.1 and of Docker's registries. */
export function createRegistryClient(options: RegistryClientOptions = {}): RegistryClient {
  const { clock = systemClock, random = Math.random, insecure = [], trustedOrigins = [], chunkBytes = 0 } = options;
  const transport = createTransport({
    connectionsPerHost: options.connectionsPerHost ?? 8,
    requestBudget: options.requestBudget ?? Number.POSITIVE_INFINITY,
    timeoutMs: options.timeoutMs ?? 30_000,
    clock,
    ca: options.ca,
    lookup: options.lookup,
    isAllowed: options.reach?.isAllowed,
  });
  const trusted = new Set(trustedOrigins.map((each) => new URL(each).origin));
  const trusts = (origin: string): boolean => trusted.has(origin);
  const registries = new Map<string, Registry>();

  function registryOf(host: string): Registry {
    let registry = registries.get(host);
    if (registry === undefined) {
      const origin = originOf(host, insecure);
      const isTrusted = options.reach?.isKnown(host) ?? true;
      const authenticator = createAuthenticator({
        registry: host,
        origin,
        credentials: async () => options.credentials?.(host),
        transport,
        clock,
        isTrusted,
        trusts,
      });
      registry = {
        requester: createRequester({
          registry: host,
          origin,
          transport,
          authenticator,
          isTrusted,
          trusts,
          retries: options.retries ?? 4,
          clock,
          random,
        }),
        habits: {
          singlePost: undefined,
          mounts: undefined,
          conditionalTags: false,
          referrers: undefined,
          heads: undefined,
        },
        known: createKnownContent(),
        uploading: new Map(),
        arriving: new Map(),
      };
      registries.set(host, registry);
    }
    return registry;
  }

  return {
    repository: (reference) => {
      const { registry: host, repository } = typeof reference === "string" ? parseReference(reference) : reference;
      const { uploading, arriving, ...registry } = registryOf(host);
      const place = { ...registry, registry: host, repository: checkRepository(repository) };
      return createRepository({ place, clock, random, chunkBytes, uploading, arriving });
    },
    stats: () => transport.stats(),
    close: () => transport.close(),
  };
}

function originOf(host: string, insecure: readonly string[]): string {
  const { hostname } = new URL(`https://${host}`);
  const plain = isLoopbackName(hostname) || insecure.includes(host);
  // Docker Hub's registry has another name than its images.
  return new URL(`${plain ? "http" : "https"}://${host === "docker.io" ? "registry-1.docker.io" : host}`).origin;
}
