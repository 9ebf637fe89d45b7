"""Processes that outlive the command that started them, each kept as files in DIR/run:

  NAME.cmd   its command line, as a shell would take it
  NAME.pid   its pid and the kernel's start time of it, so that a recycled pid is never taken for it

What is kept up has a shell around it, whose pid that is: it starts the program again when it ends by
itself, as a kubelet would, hands SIGTERM on, and takes the program along when it is killed.

Not thread safe; the caller holds the cluster's lock.
"""

import http.client
import os
import select
import shlex
import signal
import subprocess
import time
from pathlib import Path

from outcome import Failure, PortTaken, checkpoint

KEEP_UP = """
trap 'kill -TERM $!; wait $!; exit' TERM
while :; do
  setpriv --pdeathsig KILL -- "$@" &
  wait $!
  echo "ended with status $?; started again in a second" >&2
  sleep 1 & wait $!
done
"""
PATIENCE = 120  # Seconds until ready; under sanitizers and load a process may need some.


class Processes:
    def __init__(self, folder: Path):
        self.run = folder / "run"
        self.logs = folder / "logs"
        self.within = ()  # Words before every command line that is defined from now on.
        self._spawned = []

    def names(self):
        """Every process that was ever defined, in that order."""
        files = sorted(self.run.glob("*.cmd"), key=lambda file: file.stat().st_mtime_ns)
        return [file.stem for file in files]

    def log(self, name):
        return self.logs / f"{name}.log"

    def define(self, name, program, *options, keep_up=False):
        self.run.mkdir(exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        keeper = ["bash", "-c", KEEP_UP, name] if keep_up else []
        (self.run / f"{name}.cmd").write_text(
            shlex.join([*self.within, *keeper, str(program), *options]) + "\n"
        )

    def command(self, name):
        return shlex.split((self.run / f"{name}.cmd").read_text())

    def option(self, name, option):
        """The value of `--option=value` in the command line of `name`."""
        for word in self.command(name):
            if word.startswith(f"--{option}="):
                return word.partition("=")[2]
        raise KeyError(option)

    def spawn(self, name):
        """Starts what was defined as `name`; its output is appended to its log."""
        checkpoint()
        with open(self.log(name), "ab") as log:
            child = subprocess.Popen(
                self.command(name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.logs.parent,
                start_new_session=True,
            )
        (self.run / f"{name}.pid").write_text(f"{child.pid} {_start_time(child.pid) or 0}\n")
        child.returncode = 0  # It is to outlive us: subprocess need not warn about that.
        self._spawned.append(name)

    def alive(self, name):
        handle = self._open(name)
        if handle is None:
            return False
        os.close(handle)
        return True

    def await_probe(self, name, probe):
        """Until `probe` returns None; it may return or raise why not.

        `name` is who keeps us waiting, but the end of any process that we started ends the wait.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            checkpoint()
            try:
                why = probe()
            except (OSError, http.client.HTTPException, Failure) as error:
                why = str(error)
            if why is None:
                return
            for ended in self._spawned:
                if not self.alive(ended):
                    tail = self.tail(ended)
                    kind = PortTaken if "address already in use" in tail.lower() else Failure
                    raise kind(f"{ended} has ended; its last words in {self.log(ended)}:\n{tail}")
            if time.monotonic() > deadline:
                raise Failure(
                    f"{name} was not ready within {PATIENCE} s ({why}); "
                    f"its last words in {self.log(name)}:\n{self.tail(name)}"
                )
            time.sleep(0.03)

    def stop(self, names, patience):
        """SIGTERM, `patience` seconds for all to end, then SIGKILL. Returns when all are gone."""
        if patience > 0:
            self._signal(names, signal.SIGTERM)
            self._wait(names, time.monotonic() + patience)
        self._signal(names, signal.SIGKILL)
        self._wait(names, None)
        for name in names:
            (self.run / f"{name}.pid").unlink(missing_ok=True)
        self._spawned = [name for name in self._spawned if name not in names]

    def output(self, name):
        try:
            return self.log(name).read_text(errors="replace")
        except FileNotFoundError:  # Defined, but never started.
            return ""

    def tail(self, name):
        return "\n".join(self.output(name).splitlines()[-20:])

    def _signal(self, names, number):
        for name in names:
            handle = self._open(name)
            if handle is not None:
                try:
                    signal.pidfd_send_signal(handle, number)
                except ProcessLookupError:
                    pass
                os.close(handle)

    def _wait(self, names, deadline):
        for name in names:
            handle = self._open(name)
            if handle is not None:
                left = deadline and max(0, deadline - time.monotonic())
                select.select([handle], [], [], left)  # Readable once the process has ended.
                os.close(handle)

    def _open(self, name):
        """A pidfd of the running process `name`, or None."""
        try:
            pid, started = (self.run / f"{name}.pid").read_text().split()
            handle = os.pidfd_open(int(pid))
        except (FileNotFoundError, ValueError, ProcessLookupError):
            return None
        if _start_time(int(pid)) != int(started):  # Only now: the pidfd holds on to the pid.
            os.close(handle)
            return None
        return handle


def _start_time(pid):
    """Clock ticks after boot at which `pid` started (proc(5), field 22); None when it has ended."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else int(fields[18])
