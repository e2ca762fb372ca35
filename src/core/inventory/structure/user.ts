import type { StructureCheck, StructureSubject } from "./structure-check.ts";
import { readText } from "../read-text.ts";

export interface ContainerUser {
  readonly name: string;
  readonly uid: number;
  /** The primary group first. */
  readonly gids: readonly number[];
}

const maxId = 0xffff_ffff;

/** The user and group that the config names exist; a number needs no account. image-spec, config.md, User. */
export const checkUser: StructureCheck = (subject) => {
  const declared = subject.config?.User ?? "";
  const [user = "", group] = declared.split(":");
  const missing: string[] = [];
  if (user !== "" && uidOf(subject, user) === undefined) missing.push(`user ${user} is not in the image's etc/passwd`);
  if (group !== undefined && gidOf(subject, group) === undefined)
    missing.push(`group ${group} is not in the image's etc/group`);
  return missing.map((detail) => ({ path: "etc/passwd", detail, fatal: true }));
};

/** The user that a container starts as, root where the config names none; undefined where it is not in the image. */
export function findUser(subject: StructureSubject): ContainerUser | undefined {
  const declared = subject.config?.User ?? "";
  const [user = "", group] = declared.split(":");
  if (user === "") return { name: "root", uid: 0, gids: [0] };
  const uid = uidOf(subject, user);
  if (uid === undefined) return undefined;
  const account = rows(subject, "etc/passwd").find((row) => Number(row[2]) === uid);
  const primary = group === undefined ? Number(account?.[3] ?? 0) : gidOf(subject, group);
  const others = rows(subject, "etc/group")
    .filter((row) => account !== undefined && (row[3] ?? "").split(",").includes(account[0] ?? ""))
    .map((row) => Number(row[2]));
  return { name: user, uid, gids: [primary ?? 0, ...others] };
}

function uidOf(subject: StructureSubject, user: string): number | undefined {
  return numberOr(user, () => rows(subject, "etc/passwd").find((row) => row[0] === user)?.[2]);
}

function gidOf(subject: StructureSubject, group: string): number | undefined {
  return numberOr(group, () => rows(subject, "etc/group").find((row) => row[0] === group)?.[2]);
}

function numberOr(text: string, find: () => string | undefined): number | undefined {
  const digits = /^\d+$/.test(text) ? text : find();
  const id = digits === undefined || !/^\d+$/.test(digits) ? undefined : Number(digits);
  return id === undefined || id > maxId ? undefined : id;
}

function rows({ tree }: StructureSubject, path: string): string[][] {
  const file = readText(tree, path);
  return file.kind === "read" ? file.text.split("\n").map((line) => line.split(":")) : [];
}
