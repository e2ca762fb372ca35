import { z } from "zod";

/**
 * What a caller may do. Each beside what a viewer may: `operator` runs the fleet, `approver` answers for what goes out and is no operator, so that two people are needed where
 * approvals are; `admin` may do everything.
 */
export const role = z.enum(["viewer", "operator", "approver", "admin"]);
export type Role = z.output<typeof role>;

/** A label of images, by which access is limited. */
export const imageLabel = z.string().regex(/^[^=\s]{1,200}=\S{0,500}$/, "a label of images, as `team=payments`");
