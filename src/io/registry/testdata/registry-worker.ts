import { createRegistryServer } from "../index.ts";

// A registry in a process of its own, to be killed: prints its host once it listens.
const [dir = ""] = process.argv.slice(2);
const server = await createRegistryServer({ dir });
const { host } = await server.listen(0);
process.stdout.write(`${JSON.stringify({ host, problems: server.problems })}\n`);
