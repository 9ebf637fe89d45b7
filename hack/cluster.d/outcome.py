"""How a command of hack/cluster can end, and the signals that end it."""

import shlex
import signal
import subprocess

_interrupted = []


class Failure(Exception):
    """Ends the command with this text: what failed, why, and what to do next."""


class PortTaken(Failure):
    """Another process was quicker; with other ports it can be tried again."""


class Unsupported(Failure):
    """This machine cannot do what was asked; nothing was tried."""


class Interrupted(Exception):
    pass


def heed_signals():
    """From now on a signal only leaves a note, so that no started process escapes its pid file."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda seen, _: _interrupted.append(seen))


def checkpoint():
    if _interrupted:
        raise Interrupted()


def run(command):
    """Runs a command to its end, or to our interruption, and returns its stdout."""
    command = [str(word) for word in command]
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while True:
        try:
            out, err = child.communicate(timeout=0.5)
            break
        except subprocess.TimeoutExpired:
            if _interrupted:
                child.terminate()
    checkpoint()
    if child.returncode:
        raise Failure(f"`{shlex.join(command)}` failed:\n{err or out}")
    return out
