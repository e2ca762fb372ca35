import { z } from "zod";
import { tryShape } from "../../lib/index.ts";
import type { Cluster } from "./create-cluster.ts";
import { ClusterError } from "./error.ts";

/** A right that a check needs in its namespace; `subresource`: `log` of `pods`. */
interface Right {
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly verb: string;
}

const rights: readonly Right[] = [
  ...["create", "get", "list", "delete"].map((verb) => ({ group: "batch", resource: "jobs", verb })),
  { group: "", resource: "pods", verb: "list" },
  { group: "", resource: "pods", subresource: "log", verb: "get" },
];
const reviewed = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) });

/** The rights of a check that we lack in a namespace: `create jobs`. Throws what clusters throw. SelfSubjectAccessReview v1 authorization, which everybody who is let in may ask. */
export async function findLackingRights(
  cluster: Pick<Cluster, "create">,
  namespace: string,
  signal: AbortSignal,
): Promise<string[]> {
  const answers = await Promise.all(
    rights.map(async (right) => {
      const review = {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SelfSubjectAccessReview",
        spec: { resourceAttributes: { namespace, ...right } },
      };
      const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
      const answer = await cluster.create(path, review, signal);
      const shaped = answer === "exists" ? undefined : tryShape(reviewed, answer.made);
      if (shaped?.success !== true) throw new ClusterError("UNREACHABLE", `${path}: its answer is no review`);
      const { resource, subresource, verb } = right;
      const what = subresource === undefined ? resource : `${resource}/${subresource}`;
      return shaped.data.status.allowed ? [] : [`${verb} ${what}`];
    }),
  );
  return answers.flat();
}
