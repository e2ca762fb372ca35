import { smallFleets, type Started } from "../../faults/fixture.ts";
import { smallPackages, type Change } from "../../faults/small-fleet.ts";
import { buildService, openWebSite, webPackages, type WebSite } from "./web-site.ts";

/** A fleet whose service is built from packages and runs in a project of Docker Compose, behind a proxy. */
export interface Shop extends Started {
  readonly site: WebSite;
  /** A new version of the service; `says` how it behaves. */
  readonly publish: (version: string, says?: string) => Promise<void>;
  /** What the proxy answers. */
  readonly answer: () => Promise<string>;
  /** The same fleet with another configuration of the deployment. */
  readonly reopen: (compose: Document) => Promise<Started>;
}

type Document = Readonly<Record<string, unknown>>;

/** Gives each test a shop of its own, which is removed after it. */
export function webShops() {
  const fleets = smallFleets();
  let program: Promise<Uint8Array> | undefined;
  return {
    open: async (
      compose: Document = {},
      service: Document = {},
      production: (url: string) => Document = () => ({}),
    ): Promise<Shop> => {
      const built = await (program ??= buildService());
      const small = await fleets.create();
      const site = await openWebSite(small.folder, service);
      fleets.onEnd(() => site.close());
      const publish = (version: string, says?: string): Promise<void> =>
        small.publish([...smallPackages(), ...webPackages(built, version, says)]);
      await small.configure(configOf(site, compose, production(site.url)));
      await publish("1.0-1");
      const started = await fleets.open(small);
      return {
        ...started,
        site,
        publish,
        answer: async () => (await fetch(site.url)).text(),
        reopen: async (change) => {
          await started.close();
          await small.configure(configOf(site, change, production(site.url)));
          return fleets.open(small);
        },
      };
    },
  };
}

function configOf({ folder, project }: WebSite, compose: Document, production: Document): Change {
  const own = { file: `${folder}/docker-compose.yml`, project, services: { "small-web": "web" } };
  return {
    environments: [{ name: "staging" }, { name: "production", ...production }],
    images: { "small-web": { packages: ["small-web", "small-web-data"], entrypoint: ["/usr/bin/small-web"] } },
    deployments: { shop: { environment: "production", deadline: "60s", compose: { ...own, ...compose } } },
  };
}
