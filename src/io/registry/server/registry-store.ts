import { join } from "node:path";
import { copyFile, rm, writeFile } from "node:fs/promises";
import { syncFolder, type Clock, type Digest } from "../../../lib/index.ts";
import { openContentFolder, type ContentFolder } from "./content-folder.ts";
import { openJournal, readJournal, type Journal, type JournalReading } from "./journal.ts";
import {
  createApplier,
  createState,
  enterBlob,
  snapshotState,
  type BlobEntry,
  type JournalRecord,
  type RegistryState,
  type StoredManifest,
  type StoredRepository,
} from "./state.ts";

/** Content up to this many bytes rides in the journal, so that one fsync makes many of them durable. */
export const smallLimit = 64 * 1024;
/** A lease is written to the file's time no more often than this. */
const leaseSaveMs = 60_000;
/** When the journal has grown by this many bytes it is written anew, without what is past. */
const journalGrowth = 32 * 1024 * 1024;

/** The registry's folder: content files, and what is where in memory, made durable by a journal. */
export interface RegistryStore {
  readonly clock: Clock;
  readonly content: ContentFolder;
  /** What had to be given up when the folder was opened, one sentence each. */
  readonly problems: readonly string[];
  state(): RegistryState;
  repository(name: string): StoredRepository | undefined;
  /** The blob in this repository; renews its lease. */
  blob(repository: string, digest: Digest): BlobEntry | undefined;
  /** Any repository's blob of that digest; renews its lease. */
  anyBlob(digest: Digest): BlobEntry | undefined;
  touch(entry: BlobEntry): void;
  /**
   * Makes content a file and, with the record that uses it, durable. `check` runs in the same turn of the loop as the
   * record is applied, so that what it saw still holds; what it throws stops the commit.
   */
  commitBytes(digest: Digest, bytes: Uint8Array, record: ContentRecord, check?: () => void): Promise<void>;
  /** The same for the file of a finished upload. */
  commitUpload(digest: Digest, upload: string, record: ContentRecord, check?: () => void): Promise<void>;
  /** Applies records at once and resolves when they are durable. */
  commit(...records: readonly CommitRecord[]): Promise<void>;
  /** Does `work`, which commits what frees space; on a full disk once more, with the reserve. */
  removing<T>(work: () => Promise<T>): Promise<T>;
  /** Removes the file of a blob that no repository has. */
  discard(entry: BlobEntry): Promise<void>;
  /** Writes the journal anew, without what is past. */
  checkpoint(): Promise<void>;
  close(): Promise<void>;
}

type CommitRecord = Exclude<JournalRecord, { k: "data" | "table" | "members" }>;
type ContentRecord = Extract<JournalRecord, { k: "blob" | "manifest" }>;

/** Opens the folder `dir`; one process at a time may have it. */
export async function openRegistryStore(dir: string, clock: Clock): Promise<RegistryStore> {
  const content = await openContentFolder(dir);
  const journalPath = join(dir, "journal");
  const problems: string[] = [];
  let state = createState();
  let apply = createApplier(state);
  /** Small content that is in the journal and not known to be safe as a file. */
  let unsynced = new Set<Digest>();
  const removing = new Map<Digest, Promise<void>>();

  function load(): JournalReading {
    const loaded = createState();
    const applier = createApplier(loaded);
    const data = new Map<Digest, string>();
    const reading = readJournal(journalPath, (record) => {
      if (record.k === "data") data.set(record.d, record.b);
      else applier(record);
    });
    [state, apply, unsynced] = [loaded, applier, new Set(data.keys())];
    for (const [digest, base64] of data) restoreSmall(digest, base64);
    return reading;
  }

  function restoreSmall(digest: Digest, base64: string): void {
    if ((state.blobs.get(digest)?.holders ?? 0) === 0) return;
    const bytes = Buffer.from(base64, "base64");
    if (content.readNow(digest)?.equals(bytes) !== true) content.putSmall(digest, bytes);
  }

  async function dropMissing(): Promise<void> {
    const present = await content.list();
    for (const repository of state.repositories.values()) {
      const lost = [...repository.blobs].filter((entry) => !present.has(entry.digest)).map((entry) => entry.digest);
      const lostManifests = [...repository.manifests.keys()].filter((digest) => !present.has(digest));
      if (lost.length > 0) apply({ k: "unblob", r: repository.name, d: lost });
      for (const digest of lostManifests) apply({ k: "unmanifest", r: repository.name, d: digest });
      for (const digest of [...lost, ...lostManifests])
        problems.push(`${repository.name}: the file of ${digest} is gone`);
    }
    // Files that nothing names any more are entered, so that garbage collection sees them.
    for (const digest of present.keys()) enterBlob(state, digest, 0);
  }

  const reading = load();
  if (reading.damaged > 0) {
    await copyFile(journalPath, `${journalPath}.damaged`);
    problems.push(
      `${reading.damaged} of ${reading.records + reading.damaged} journal records were damaged and left out`,
    );
  }
  await dropMissing();
  const journal: Journal = openJournal(journalPath, reading.bytes, () => void load());
  await syncFolder(dir);
  let checkpointing: Promise<void> | undefined;
  let checkpointAt = journalGrowth;

  async function checkpoint(): Promise<void> {
    const safe = [...unsynced];
    await content.sync(safe);
    for (const digest of safe) unsynced.delete(digest);
    await journal.rewrite(function* () {
      yield* snapshotState(state);
      for (const digest of unsynced) {
        const bytes = content.readNow(digest);
        if (bytes !== undefined) yield { k: "data", d: digest, b: bytes.toString("base64") };
      }
    });
  }

  function touch(entry: BlobEntry): void {
    const now = clock.now();
    entry.touched = now;
    if (now - entry.touchSaved < leaseSaveMs) return;
    entry.touchSaved = now;
    content.setUsedAt(entry.digest, now).catch(() => {
      entry.touchSaved = 0;
    });
  }

  /** Waits until the file of `digest` is not being removed. */
  async function settled(digest: Digest): Promise<void> {
    while (removing.has(digest)) await removing.get(digest);
  }

  /** Whatever is acknowledged outlives a power cut; those that wait at the same time share an fsync. */
  async function append(...records: readonly JournalRecord[]): Promise<void> {
    await journal.sync(...records);
    if (journal.size() <= checkpointAt) return;
    // The records are safe as they are: a disk without room for a second journal fails nobody.
    checkpointing ??= checkpoint()
      .catch(() => undefined)
      .finally(() => {
        checkpointAt = journal.size() + journalGrowth;
        checkpointing = undefined;
      });
    await checkpointing;
  }

  /** A new file has its lease from being written. */
  function enterNew(digest: Digest, size: number): BlobEntry {
    const entry = enterBlob(state, digest, size);
    entry.touched = clock.now();
    entry.touchSaved = entry.touched;
    return entry;
  }

  const store: RegistryStore = {
    clock,
    content,
    problems,
    state: () => state,
    repository: (name) => state.repositories.get(name),
    blob: (name, digest) => {
      const entry = state.blobs.get(digest);
      if (entry === undefined || state.repositories.get(name)?.blobs.has(entry) !== true) return undefined;
      touch(entry);
      return entry;
    },
    anyBlob: (digest) => {
      const entry = state.blobs.get(digest);
      if (entry === undefined || entry.holders === 0) return undefined;
      touch(entry);
      return entry;
    },
    touch,
    commitBytes: async (digest, bytes, record, check) => {
      if (removing.has(digest)) await settled(digest);
      check?.();
      if (store.anyBlob(digest) !== undefined) return store.commit(record);
      if (bytes.byteLength > smallLimit) {
        const upload = content.newUpload();
        try {
          await writeFile(upload, bytes, { flag: "wx", mode: 0o600 });
          return await store.commitUpload(digest, upload, record, check);
        } finally {
          await rm(upload, { force: true });
        }
      }
      content.putSmall(digest, bytes);
      enterNew(digest, record.s);
      unsynced.add(digest);
      apply(record);
      return append({ k: "data", d: digest, b: Buffer.from(bytes).toString("base64") }, record);
    },
    commitUpload: async (digest, upload, record, check) => {
      if (removing.has(digest)) await settled(digest);
      const entry = enterNew(digest, record.s);
      entry.pins++;
      try {
        await content.putUpload(digest, upload);
        check?.();
        // A failed journal replaced the state meanwhile, and with it the pinned entry.
        enterNew(digest, record.s);
        await store.commit(record);
      } finally {
        entry.pins--;
      }
    },
    commit: (...records) => {
      for (const record of records) apply(record);
      return append(...records);
    },
    removing: async (work) => {
      try {
        return await work();
      } catch (error) {
        if (!isDiskFull(error) || !(await content.giveReserve())) throw error;
        return work();
      }
    },
    discard: async (entry) => {
      if (entry.holders > 0 || entry.pins > 0 || state.blobs.get(entry.digest) !== entry) return;
      state.blobs.delete(entry.digest);
      unsynced.delete(entry.digest);
      const removal = content.remove(entry.digest);
      removing.set(entry.digest, removal);
      try {
        await removal;
      } finally {
        removing.delete(entry.digest);
      }
    },
    checkpoint,
    close: async () => {
      await journal.close();
    },
  };
  if (problems.length > 0) await checkpoint();
  await content.keepReserve();
  return store;
}

/** Whether something failed for want of space. */
export function isDiskFull(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ENOSPC" || code === "EDQUOT";
}

/** The manifest's entry or a coded error. */
export function findManifest(repository: StoredRepository, reference: string): StoredManifest | undefined {
  return repository.manifests.get(repository.tags.get(reference) ?? (reference as Digest));
}
