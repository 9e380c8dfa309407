"""A whole Debian in a folder of its own, with systemd as its first process: own files, own processes,
own network (loopback alone), own part of the control groups. Nothing of the machine is changed.

The files come from debootstrap once and are kept as `target/test-root/SUITE.tar`. It needs root, and
Linux that lets root make namespaces; where that is not given, `Skipped` says so.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from promises import ROOT, Skipped
from daemon import Broken, until
from inside import ask_inside, child_of

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "systemd,systemd-sysv,dbus"
GROUPS = Path("/sys/fs/cgroup")

# The first process's way in, within the new namespaces: $1 is the folder.
ENTER = r"""
set -e
mount --make-rprivate /
mount --bind "$1" "$1" && cd "$1"
mount -t proc proc proc
# The kernel's settings are the machine's.
mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup sys/fs/cgroup
else
  mount -t tmpfs tmpfs sys/fs/cgroup && mkdir sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
fi
mount -t tmpfs tmpfs run && mount -t tmpfs tmpfs tmp && mount -t tmpfs tmpfs dev
for device in null zero full random urandom tty; do
  touch "dev/$device" && mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/shm dev/pts && mount -t tmpfs tmpfs dev/shm && ln -s /proc/self/fd dev/fd
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts && ln -s pts/ptmx dev/ptmx
pivot_root . mnt && umount -l /mnt
exec env -i container=jarshy-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --log-target=journal --unit=multi-user.target
"""


class TestRoot:
    def __init__(self):
        if os.geteuid() != 0:
            raise Skipped("a test root needs root")
        probe = ["unshare", "--mount", "--pid", "--net", "--cgroup", "--fork", "true"]
        if subprocess.run(probe, capture_output=True).returncode != 0:
            raise Skipped("this machine lets nobody make namespaces")
        self.folder = Path(tempfile.mkdtemp(prefix="jarshy-root-"))
        self.files = self.folder / "root"
        self.groups = f"jarshy-test-{os.getpid()}"
        self.unshare = self.first = None

    def unpack(self):
        tar = kept()
        self.files.mkdir()
        subprocess.run(["tar", "-C", self.files, "-xf", tar], check=True)

    def start(self):
        """Starts systemd and waits until it is up."""
        self.log = open(self.folder / "systemd.log", "wb")
        join = "".join(f"mkdir -p {g}; echo $$ > {g}/cgroup.procs; " for g in self.own_groups())
        command = f'{join} exec unshare --mount --pid --net --ipc --uts --cgroup --fork sh -c "$1" sh "$2"'
        self.unshare = subprocess.Popen(
            ["sh", "-c", command, "sh", ENTER, self.files],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)
        until("systemd is up in the test root", 60, self.is_up)

    def own_groups(self):
        whole = (GROUPS / "cgroup.controllers").exists()
        trees = [GROUPS] if whole else [p for p in GROUPS.iterdir() if (p / "cgroup.procs").exists()]
        # A cpuset without processors takes nobody in.
        return [tree / self.groups for tree in trees if tree.name != "cpuset"]

    def is_up(self):
        if self.unshare.poll() is not None:
            raise Broken(f"systemd ended: {(self.folder / 'systemd.log').read_text()[-800:]}")
        self.first = child_of(self.unshare.pid)
        if not self.first:
            return False
        asked = self.run("systemctl", "is-system-running", check=False)
        return asked.stdout.strip() in ("running", "degraded")

    def run(self, *command, check=True, text=None, timeout=120):
        """A command inside; what it says on both channels comes back."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.first), "-a", "env", "-i", "DEBIAN_FRONTEND=noninteractive",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", *map(str, command)],
            input=text, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            said = (done.stdout + done.stderr)[-600:]
            raise Broken(f"{' '.join(map(str, command))} ended with {done.returncode}: {said}")
        return done

    def ask(self, method, address, path, body=None, headers=None):
        """An HTTP request on the test root's own loopback: status, headers, body."""
        return ask_inside(self.first, method, address, path, body, headers)

    def path(self, inside):
        """Where a file of the test root is seen from outside."""
        return self.files / str(inside).lstrip("/")

    def stop(self):
        if self.first:
            # The first process's end is the end of all its namespace.
            os.kill(self.first, signal.SIGKILL)
        if self.unshare:
            self.unshare.wait(30)
            self.log.close()
        for group in self.own_groups():
            for folder in sorted([group, *group.rglob("*/")], reverse=True):
                try:
                    folder.rmdir()
                except OSError:
                    pass
        shutil.rmtree(self.folder, ignore_errors=True)


def kept():
    """The files as a tar, made where they are missing."""
    tar = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "test-root" / f"{SUITE}.tar"
    if tar.exists():
        return tar
    if not shutil.which("debootstrap"):
        raise Skipped("debootstrap is missing; tests/run installs it")
    tar.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="jarshy-debootstrap-") as folder:
        print(f"  making a Debian {SUITE} for tests, once …", flush=True)
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE,
                   f"{folder}/root", MIRROR]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            end = " ".join(done.stdout.splitlines()[-2:])
            raise Skipped(f"debootstrap fetched no Debian from {MIRROR}: {end}")
        part = tar.with_suffix(".part")
        subprocess.run(["tar", "-C", f"{folder}/root", "--exclude=./var/cache/apt/archives/*.deb",
                        "-cf", part, "."], check=True)
        part.rename(tar)
    return tar
