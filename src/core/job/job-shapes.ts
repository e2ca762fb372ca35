import { z } from "zod";

/** As much of a Job and its pods as a verdict depends on. Job v1 batch, Pod v1 core, Event v1 core. */
const text = z.string().max(10_000);
const long = z.string().max(100_000);
const conditions = z
  .array(z.looseObject({ type: text, status: text, reason: text.optional(), message: long.optional() }))
  .max(100)
  .nullish();

export const jobShape = z.looseObject({
  metadata: z.looseObject({
    name: text,
    uid: text,
    creationTimestamp: text.optional(),
    deletionTimestamp: text.optional(),
    labels: z.record(text, long).nullish(),
    annotations: z.record(text, z.string().max(300_000)).nullish(),
  }),
  status: z.looseObject({ conditions }).nullish(),
});
export type JobShape = z.output<typeof jobShape>;

/** What the server leaves out, others write as null. */
const absent = <T extends z.ZodType>(shape: T) => shape.nullish().transform((value) => value ?? undefined);
const terminated = z.looseObject({ exitCode: z.number(), reason: text.optional(), message: long.optional() });
const state = z
  .looseObject({
    waiting: absent(z.looseObject({ reason: text.optional(), message: long.optional() })),
    running: absent(z.looseObject({})),
    terminated: absent(terminated),
  })
  .nullish();
const statuses = z
  .array(z.looseObject({ name: text, restartCount: z.number().default(0), state, lastState: state }))
  .max(1000)
  .nullish();

export const podShape = z.looseObject({
  metadata: z.looseObject({
    name: text,
    creationTimestamp: text.optional(),
    deletionTimestamp: text.optional(),
    ownerReferences: z.array(z.looseObject({ uid: text })).nullish(),
  }),
  status: z
    .looseObject({
      phase: text.optional(),
      reason: text.optional(),
      message: long.optional(),
      conditions,
      containerStatuses: statuses,
      initContainerStatuses: statuses,
    })
    .nullish(),
});
export type PodShape = z.output<typeof podShape>;
export type ContainerShape = NonNullable<z.output<typeof statuses>>[number];

export const eventShape = z.looseObject({
  type: text.optional(),
  reason: text.optional(),
  message: long.optional(),
  involvedObject: z.looseObject({ uid: text.optional() }).optional(),
});
