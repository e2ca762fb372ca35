import { execFile } from "node:child_process";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect } from "vitest";
import { createCluster } from "../../src/io/cluster/index.ts";
import { withCluster, type SmallCluster } from "./testdata/small-cluster.ts";

const run = promisify(execFile);
const minute = 60_000;
const signal = new AbortController().signal;
let cluster: SmallCluster;
const it = await withCluster((started) => (cluster = started));

const path = (name: string): string => join(cluster.folder, name);

/** The cluster, as a user whose credential a program gives: what stands in `answer.json` of this name. */
async function openAs(name: string, apiVersion: string, answer: object) {
  const give = (status: object): Promise<void> =>
    writeFile(path(`${name}.json`), JSON.stringify({ apiVersion, kind: "ExecCredential", status }));
  await give(answer);
  await writeFile(path(`${name}.sh`), `#!/bin/sh\necho run >>"$0.runs"\ncat "$ANSWER"\n`);
  await chmod(path(`${name}.sh`), 0o755);
  const read = JSON.parse(await readFile(cluster.kubeconfig("admin"), "utf8")) as object;
  const exec = {
    apiVersion,
    command: `./${name}.sh`,
    env: [{ name: "ANSWER", value: path(`${name}.json`) }],
    interactiveMode: "IfAvailable",
    provideClusterInfo: true,
  };
  await writeFile(path(`${name}.yaml`), JSON.stringify({ ...read, users: [{ name: "admin", user: { exec } }] }));
  return {
    give,
    cluster: createCluster({ kubeconfig: path(`${name}.yaml`), context: undefined, env: {} }),
    runs: async () => (await readFile(path(`${name}.sh.runs`), "utf8")).split("\n").length - 1,
  };
}

describe("a kubeconfig whose user is a program, with a real API server", () => {
  for (const apiVersion of ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"])
    it(
      `is let in by the token that it gives (${apiVersion}), which is asked for anew where it is not taken any more`,
      async () => {
        const asked = await openAs(`token-${apiVersion.split("/")[1]}`, apiVersion, { token: "of-the-admin" });
        const namespace = "/api/v1/namespaces/default";
        for (let count = 0; count < 3; count += 1)
          expect(await asked.cluster.read(namespace, signal)).toMatchObject({ kind: "Namespace" });
        expect(await asked.runs()).toBe(1);

        const late = await openAs(`late-${apiVersion.split("/")[1]}`, apiVersion, { token: "was-taken-once" });
        await expect(late.cluster.read(namespace, signal)).rejects.toMatchObject({
          code: "DENIED",
          message: expect.stringMatching(/it answered 401: Unauthorized, with what \.\/late-\S+\.sh gave just now$/),
        });
        // It was asked once more before that was believed.
        expect(await late.runs()).toBe(2);
        await late.give({ token: "of-the-admin" });
        expect(await late.cluster.read(namespace, signal)).toMatchObject({ kind: "Namespace" });
        expect(await late.runs()).toBe(3);
      },
      minute,
    );

  it(
    "is let in by the certificate that it gives, as whom that names",
    async () => {
      const [key, request, cert] = [path("person.key"), path("person.csr"), path("person.crt")];
      const subject = ["-subj", "/O=system:masters/CN=somebody"];
      await run("openssl", ["req", "-newkey", "rsa:2048", "-nodes", ...subject, "-keyout", key, "-out", request]);
      const by = ["-CA", path("clients.crt"), "-CAkey", path("clients.key"), "-CAcreateserial", "-days", "1"];
      await run("openssl", ["x509", "-req", "-in", request, ...by, "-out", cert]);
      const [clientCertificateData, clientKeyData] = await Promise.all([readFile(cert, "utf8"), readFile(key, "utf8")]);
      const status = { clientCertificateData, clientKeyData, expirationTimestamp: "2099-01-01T00:00:00Z" };
      const asked = await openAs("certificate", "client.authentication.k8s.io/v1", status);
      const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" };
      expect(
        await asked.cluster.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review, signal),
      ).toMatchObject({
        made: { status: { userInfo: { username: "somebody", groups: expect.arrayContaining(["system:masters"]) } } },
      });
      expect(await asked.cluster.list("/api/v1/nodes", undefined, signal)).toHaveLength(1);
      expect(await asked.runs()).toBe(1);
    },
    minute,
  );
});
