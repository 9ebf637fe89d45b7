"""Namespaces by system calls that Python has only from 3.12 on."""

import ctypes
import os
import signal

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1

asked_to_end = []  # The signals that told us to.
_libc = ctypes.CDLL(None, use_errno=True)


def _call(name, *arguments):
    if getattr(_libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def unshare(kinds):
    _call("unshare", kinds)


def setns(pid, kinds):
    """Into the namespaces of a process. A pid namespace is for the children to come."""
    handle = os.pidfd_open(pid)
    _call("setns", handle, kinds)
    os.close(handle)


def die_with_parent():
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL)


def run_child(action):
    """Forks; the child does `action` and dies with us; we end it when asked to, and end as it did."""
    number = os.fork()
    if not number:
        die_with_parent()
        action()
        os._exit(0)
    for asked in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(asked, lambda seen, _: _pass_on(seen, number))
    return number


def end_like(child):
    """The exit code for us to end with: that of the child, or 128 and the signal that ended it."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code if code >= 0 else 128 - code


def _pass_on(number, child):
    asked_to_end.append(number)
    try:
        os.kill(child, number)
    except ProcessLookupError:
        pass
