import { randomUUID } from "node:crypto";
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { lockPath, readLock, type Store, type StorePlace } from "../../io/store/index.ts";
import { formatAge, formatBytes, messageOf, type Clock } from "../../lib/index.ts";
import { fail, warn, well, type Diagnosis } from "./diagnosis.ts";

/** Bytes: below the first images stop being made, below the second it is time to look. */
const scarce = 256 * 1024 * 1024;
const little = 2 * 1024 * 1024 * 1024;
/** Attempts after which a notification is not only late. */
const manyAttempts = 3;

/** Where the state is, whether it can be written, and by whom. */
export async function diagnosePlace(place: StorePlace, store: Store): Promise<readonly Diagnosis[]> {
  const opened =
    store.recovery.length === 0
      ? []
      : [warn("recovery", store.recovery.join("; "), "Look whether what was reconciled is what you expect.")];
  if (!("dir" in place)) {
    await store.loadImages();
    return [well("state", "PostgreSQL answers"), ...opened];
  }
  const holder = await readLock(lockPath(place.dir));
  const lock =
    holder?.pid === process.pid
      ? well("lock", "this process holds the directory")
      : fail(
          "lock",
          holder === undefined ? "nobody holds the directory" : `process ${holder.pid} holds the directory`,
          "Another process took it over, or its lock file was removed. Start this one again.",
        );
  return [await diagnoseFolder("state", place.dir), lock, ...opened];
}

/** Whether a folder can be written, and how much space it has. */
export async function diagnoseFolder(name: string, path: string): Promise<Diagnosis> {
  const probe = join(path, `doctor-${randomUUID()}`);
  try {
    await writeFile(probe, "probe", { flag: "wx", mode: 0o600 });
    const { bavail, bsize } = await statfs(path);
    const free = bavail * bsize;
    const message = `${path} can be written; ${formatBytes(free)} are free`;
    if (free < scarce) return fail(name, message, "Make space: images and snapshots cannot be written without it.");
    return free < little ? warn(name, message, "Make space before it runs out.") : well(name, message);
  } catch (error) {
    return fail(
      name,
      `${path} cannot be written: ${messageOf(error)}`,
      "Give this user the folder, or choose another one.",
    );
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}

/** Whether the audit chain is whole. */
export async function diagnoseAudit(store: Store): Promise<Diagnosis> {
  const verdict = await store.verifyAudit();
  if (verdict.kind === "intact") return well("audit chain", `intact, ${verdict.rows} rows`);
  return fail(
    "audit chain",
    `broken at row ${verdict.seq}: ${verdict.reason}`,
    "Somebody or something changed it. Keep the directory as it is, and compare it with a backup.",
  );
}

/** What a person should know of already. */
export async function diagnoseAlarms(store: Store): Promise<readonly Diagnosis[]> {
  const alarms = await store.loadAlarms();
  if (alarms.length === 0) return [well("alarms", "none stands")];
  const worst = alarms.slice(0, 10).map(({ severity, subject, message, hint }) => {
    const what = `${subject}: ${message}`;
    const advice = hint ?? "`tidemill status` says since when.";
    return severity === "error" ? fail("alarm", what, advice) : warn("alarm", what, advice);
  });
  const more = alarms.length - worst.length;
  return more > 0 ? [...worst, warn("alarms", `${more} more stand`, "`tidemill status` lists them.")] : worst;
}

/** Whether news reaches those who wait for it. */
export async function diagnoseNotifications(store: Store, clock: Clock, hasReceivers: boolean): Promise<Diagnosis> {
  const name = "notifications";
  const pending = await store.loadPendingNotifications();
  const [oldest] = pending;
  if (!hasReceivers) return well(name, "nobody is told: no receiver is configured");
  if (oldest === undefined) return well(name, "none waits for delivery");
  const count = `${pending.length === 100 ? "100 or more" : pending.length} wait for delivery`;
  const stuck = pending.find(({ attempts }) => attempts >= manyAttempts);
  if (stuck === undefined) return well(name, count);
  const age = formatAge((clock.now() - oldest.createdAt) / 1000);
  const message = `${count}, the oldest for ${age}; ${stuck.receiver ?? "nobody yet"}: ${stuck.lastError ?? "no attempt succeeded"}`;
  return warn(
    name,
    message,
    "`tidemill notify test` asks each receiver. Delivery goes on by itself; what was given up goes again by `tidemill notify resend`.",
  );
}
