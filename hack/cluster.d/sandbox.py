#!/usr/bin/env python3
"""The machine that a node is: namespaces of its own for mounts, processes, host name, IPC and cgroups.

  sandbox.py hold DIR              makes them, and lives as long as they do; all that runs within ends with it
  sandbox.py node DIR COMMAND...   runs COMMAND within, as its parent
  sandbox.py keep DIR COMMAND...   the same, and starts it again when it ends, until it fails 30 times in a row
  sandbox.py net DIR COMMAND...    becomes COMMAND, in the node's network and otherwise on the host

DIR is that of the cluster. The host's files are visible within; what is written to /etc, /opt, /run, /var/lib
and /var/log is kept in memory and seen nowhere else.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cgroups
import kernel

NAME = "node-1"
KINDS = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWCGROUP
)
# The kubelet sets these, and they are the host's. It leaves alone what has its value already.
TUNABLES = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}


def mount(*words):
    subprocess.run(["mount", *words], check=True)


def pid_of(folder, name):
    return int((folder / "run" / f"{name}.pid").read_text().split()[0])


def furnish(folder):
    """The mounts of the node, made by its first process."""
    unified = cgroups.is_unified()
    mount("--make-rprivate", "/")
    mount("-t", "proc", "proc", "/proc")
    # With sysfs of our own network, and within it our own view of the cgroups.
    mount("-t", "sysfs", "-o", "ro", "sysfs", "/sys")
    cgroups.mount_view(unified)
    own = os.open(folder, os.O_PATH)  # DIR may lie in what is covered now.
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    covered = ["/run"]
    for place in ("/etc", "/opt", "/var/lib", "/var/log"):
        if not Path(place).is_dir():
            continue
        upper, work = (Path(f"/run/holdpoint{place}/{part}") for part in ("upper", "work"))
        upper.mkdir(parents=True)
        work.mkdir()
        layers = f"lowerdir={place},upperdir={upper},workdir={work}"
        mount("-t", "overlay", "-o", layers, "overlay", place)
        covered.append(place)
    if any(folder.is_relative_to(place) for place in covered):
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "--no-canonicalize", "--bind", f"/proc/self/fd/{own}", folder]
        subprocess.run(command, check=True, pass_fds=[own])
    os.close(own)
    for name, value in TUNABLES.items():
        shown = Path("/run/holdpoint/sys") / name
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.write_text(f"{value}\n")
        if (Path("/proc/sys") / name).exists():
            mount("--bind", str(shown), f"/proc/sys/{name}")
    mount("--make-rshared", "/")
    Path("/proc/sys/kernel/hostname").write_text(NAME)


def hold(folder):
    kernel.setns(pid_of(folder, "network"), kernel.CLONE_NEWNET)
    cgroups.become_root(folder)
    kernel.unshare(KINDS)
    cgroups.enter(folder)
    listen, talk = os.pipe()

    def first_process():
        os.close(listen)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        furnish(folder)
        os.write(talk, b"ready")
        os.close(talk)
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Whom we inherit, the kernel reaps.
        while True:
            signal.pause()

    child = kernel.run_child(first_process)
    os.close(talk)
    if os.read(listen, 8):
        (folder / "run" / "node.init").write_text(f"{child}\n")
    return kernel.end_like(child)


def enter(folder):
    environment = (folder / "node" / "environment").read_text().splitlines()
    cgroups.enter(folder)
    init = int((folder / "run" / "node.init").read_text())
    kernel.setns(init, KINDS | kernel.CLONE_NEWNET)
    os.chdir("/")
    os.environ.update(line.split("=", 1) for line in environment)


def run(command):
    return kernel.end_like(kernel.run_child(lambda: os.execvp(command[0], command)))


def keep(command):
    short_lives = 0
    while short_lives < 30:
        started = time.monotonic()
        code = run(command)
        if kernel.asked_to_end:
            return code
        short_lives = short_lives + 1 if time.monotonic() - started < 10 else 0
        print(
            f"{command[0]} ended with code {code}; it is started again", file=sys.stderr, flush=True
        )
        time.sleep(1)
    return code


def main():
    what, folder, command = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    if what != "net":
        os.umask(0o022)  # Pods of any user read what containerd and the kubelet write.
    if what == "hold":
        return hold(folder)
    if what in ("node", "keep"):
        enter(folder)
        return run(command) if what == "node" else keep(command)
    kernel.setns(pid_of(folder, "network"), kernel.CLONE_NEWNET)
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(main())
