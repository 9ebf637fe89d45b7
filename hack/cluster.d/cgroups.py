"""The cgroups of a node: below those that we are in ourselves (version 1), or one at the top (version 2).

DIR/run/node.cgroups names their folders, a line each. A node's own view begins there, and `down` removes them.
"""

import hashlib
import os
import subprocess
import time
from pathlib import Path

from outcome import Failure, Unsupported

VIEW = Path("/sys/fs/cgroup")
NEEDED = {"cpu", "cpuset", "memory", "pids"}


def _note(folder):
    return folder / "run" / "node.cgroups"


def _folders(folder):
    return [Path(line) for line in _note(folder).read_text().splitlines()]


def is_unified():
    """Version 2 and nothing else: one hierarchy with all controllers."""
    return (VIEW / "cgroup.controllers").exists()


def _hierarchies():
    """Version 1: the mounted hierarchies that we are in, as controllers ("cpu,cpuacct") -> folder."""
    mounts = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind == "cgroup":
            root, point = fields.split()[3:5]
            mounts.setdefault(frozenset(options.split(",")), (root, point))
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for options, (root, point) in mounts.items():
            if controllers and set(controllers.split(",")) <= options:
                yield controllers, Path(point) / os.path.relpath(path, root)
                break


def _parents():
    """Where the node's cgroups may stand. Unsupported when controllers are missing."""
    if is_unified():
        parents, given = [VIEW], (VIEW / "cgroup.controllers").read_text().split()
    else:
        hierarchies = dict(_hierarchies())
        parents, given = hierarchies.values(), ",".join(hierarchies).split(",")
    missing = ", ".join(sorted(NEEDED.difference(given)))
    if missing:
        raise Unsupported(f"a node needs cgroups, but {VIEW} has none for {missing}")
    return parents


def _create(name):
    """Returns the folders. Unsupported when the machine does not let us make them."""
    made = []
    try:
        for parent in _parents():
            path = parent / name
            path.mkdir(exist_ok=True)
            made.append(path)
            if is_unified():
                enabled = (VIEW / "cgroup.subtree_control").read_text().split()
                for controller in sorted(NEEDED.difference(enabled)):
                    (VIEW / "cgroup.subtree_control").write_text(f"+{controller}")
            elif (path / "cpuset.cpus").exists():
                for setting in ("cpuset.cpus", "cpuset.mems"):
                    (path / setting).write_text((parent / setting).read_text())
                (path / "cgroup.clone_children").write_text("1")
    except OSError as error:
        for path in made:
            path.rmdir()
        raise Unsupported(f"a node needs cgroups of its own, but {error}") from None
    return made


def check():
    """Unsupported, with the reason, where this machine has no cgroups for a node."""
    for path in _create(f"holdpoint-check-{os.getpid()}"):
        path.rmdir()


def make(folder):
    digest = hashlib.sha256(str(folder).encode()).hexdigest()
    made = _create(f"holdpoint-{digest[:10]}")
    _note(folder).write_text("".join(f"{path}\n" for path in made))


def become_root(folder):
    """Moves us to where the view of the node is to begin."""
    for path in _folders(folder):
        (path / "cgroup.procs").write_text(str(os.getpid()))


def enter(folder):
    """Moves us to where the node's own processes are. Version 2 wants none in a cgroup that hands on controllers."""
    for path in _folders(folder):
        if is_unified():
            path = path / "init"
            path.mkdir(exist_ok=True)
        (path / "cgroup.procs").write_text(str(os.getpid()))


def mount_view(unified):
    """At /sys/fs/cgroup, within the node's namespaces and after `enter`."""
    if unified:
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(VIEW)], check=True)
        for controller in (VIEW / "cgroup.controllers").read_text().split():
            (VIEW / "cgroup.subtree_control").write_text(f"+{controller}")
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(VIEW)], check=True)
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or path != "/":  # Not mounted on the host, so it is no part of the node.
            continue
        point = VIEW / controllers.removeprefix("name=")
        point.mkdir()
        kind = f"none,{controllers}" if controllers.startswith("name=") else controllers
        subprocess.run(["mount", "-t", "cgroup", "-o", kind, "cgroup", str(point)], check=True)
        for controller in controllers.split(",") if "," in controllers else ():
            (VIEW / controller).symlink_to(controllers)


def remove(folder):
    """Once the processes have been killed; their end may take a moment."""
    if not _note(folder).exists():
        return
    deadline = time.monotonic() + 20
    for root in _folders(folder):
        while root.is_dir():
            try:
                for path, _, _ in os.walk(root, topdown=False):
                    os.rmdir(path)
            except OSError as error:
                if time.monotonic() > deadline:
                    raise Failure(f"{root} cannot be removed: {error}") from None
                time.sleep(0.05)
    _note(folder).unlink()
