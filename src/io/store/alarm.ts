import type { Database } from "./database.ts";
import { timestamp, type Alarm, type Detail } from "./schema.ts";

/** Something that a person should know of, for as long as it lasts. */
export interface RaisedAlarm {
  readonly code: string;
  /** What it is about: an upstream, an image, a disk. */
  readonly subject: string;
  readonly severity: Alarm["severity"];
  readonly message: string;
  readonly hint?: string;
  /** Whether it is told of anew where its message is another: what it is about is not over, and has changed. */
  readonly retold?: boolean;
  /** The same as data, for who is told. */
  readonly detail?: Detail;
}

export function alarmQueries(db: Database) {
  return {
    /** Raises an alarm, or says that it still stands; one that was cleared begins anew. `isNew`: it was told of now, for it did not stand before, or is `retold` and was another. */
    saveAlarm: (alarm: RaisedAlarm): Promise<{ readonly alarm: Alarm; readonly isNew: boolean }> =>
      db.write(async ({ sql, audit }) => {
        const key = alarmKey(alarm);
        const now = timestamp(db.clock.now());
        const before = await sql.selectFrom("alarm").selectAll().where("key", "=", key).forUpdate().executeTakeFirst();
        const stands = before !== undefined && before.clearedAt === null;
        const isNew = !stands || (alarm.retold === true && before.message !== alarm.message);
        const fields = { severity: alarm.severity, message: alarm.message, hint: alarm.hint ?? null, lastSeen: now };
        const row = await sql
          .insertInto("alarm")
          .values({ ...fields, key, code: alarm.code, subject: alarm.subject, since: now })
          .onConflict((conflict) =>
            conflict.column("key").doUpdateSet({ ...fields, clearedAt: null, ...(stands ? {} : { since: now }) }),
          )
          .returningAll()
          .executeTakeFirstOrThrow();
        const { code, subject, severity, message, detail = {} } = alarm;
        const told = { ...detail, key, code, subject, severity, message, hint: alarm.hint ?? null };
        if (isNew) await audit("tidemill", "alarm-raised", told);
        return { alarm: row, isNew };
      }),

    /** Says that an alarm no longer stands; false where it did not. */
    saveAlarmCleared: (which: Pick<RaisedAlarm, "code" | "subject">): Promise<boolean> =>
      db.write(async ({ sql, audit }) => {
        const key = alarmKey(which);
        const cleared = await sql
          .updateTable("alarm")
          .set({ clearedAt: timestamp(db.clock.now()) })
          .where("key", "=", key)
          .where("clearedAt", "is", null)
          .returning("key")
          .executeTakeFirst();
        if (cleared === undefined) return false;
        await audit("tidemill", "alarm-cleared", { key });
        return true;
      }),

    /** The alarms that stand, worst and oldest first. */
    loadAlarms: (): Promise<Alarm[]> =>
      db.sql
        .selectFrom("alarm")
        .selectAll()
        .where("clearedAt", "is", null)
        .orderBy("severity")
        .orderBy("since")
        .execute(),
  };
}

function alarmKey(alarm: Pick<RaisedAlarm, "code" | "subject">): string {
  return `${alarm.code}:${alarm.subject}`;
}
