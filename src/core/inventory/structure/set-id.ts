import type { StructureCheck, StructureFinding } from "./structure-check.ts";
import { walkTree } from "../tree.ts";

const maxFindings = 1000;

/** No file gives its user another's rights: neither set-user-ID and set-group-ID bits nor file capabilities. inode(7), capabilities(7). */
export const checkSetId: StructureCheck = ({ tree }) => {
  const findings: StructureFinding[] = [];
  for (const [path, { entry }] of walkTree(tree)) {
    if (entry.type !== "file" || findings.length >= maxFindings) continue;
    const owner = `${entry.uid}:${entry.gid}`;
    if ((entry.mode & 0o6000) !== 0)
      findings.push({ path, detail: `set-id file, mode ${entry.mode.toString(8)}, owner ${owner}` });
    if (entry.xattrs?.includes("security.capability") === true)
      findings.push({ path, detail: "file with capabilities" });
  }
  return findings;
};

/** Files that Debian ships with a set-id bit or capabilities; any other one is not there because the distribution wants it. */
const distroSetId = new Set([
  "usr/bin/at",
  "usr/bin/bsd-write",
  "usr/bin/chage",
  "usr/bin/chfn",
  "usr/bin/chsh",
  "usr/bin/crontab",
  "usr/bin/dotlockfile",
  "usr/bin/expiry",
  "usr/bin/fusermount",
  "usr/bin/fusermount3",
  "usr/bin/gpasswd",
  "usr/bin/mount",
  "usr/bin/newgidmap",
  "usr/bin/newgrp",
  "usr/bin/newuidmap",
  "usr/bin/ntfs-3g",
  "usr/bin/passwd",
  "usr/bin/ping",
  "usr/bin/pkexec",
  "usr/bin/plocate",
  "usr/bin/screen",
  "usr/bin/ssh-agent",
  "usr/bin/su",
  "usr/bin/sudo",
  "usr/bin/umount",
  "usr/bin/wall",
  "usr/bin/write",
  "usr/bin/write.ul",
  "usr/lib/dbus-1.0/dbus-daemon-launch-helper",
  "usr/lib/openssh/ssh-keysign",
  "usr/lib/polkit-1/polkit-agent-helper-1",
  "usr/libexec/polkit-agent-helper-1",
  "usr/sbin/mount.cifs",
  "usr/sbin/mount.nfs",
  "usr/sbin/pam_extrausers_chkpwd",
  "usr/sbin/unix_chkpwd",
]);

/** Whether the distribution itself ships the file at `path` with a set-id bit; paths before the merge of /usr count as well. */
export function isDistroSetId(path: string): boolean {
  return distroSetId.has(path) || distroSetId.has(`usr/${path}`);
}
