"""What runs in a child between fork and exec: dying with its parent, and not being root where that is forbidden."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable

# Loaded before any fork: once a child is another user the interpreter's own files may be unreadable to it.
_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_OVERFLOW_ID = 65534


def dying_with_parent(number: signal.Signals, parent: int | None = None) -> Callable[[], None]:
    """A `preexec_fn` that has the kernel send this signal when the parent dies, even by SIGKILL (Linux only).

    The kernel means the thread that forked: call Popen from the main thread.
    """
    expected = os.getpid() if parent is None else parent

    def set_death_signal() -> None:
        if sys.platform == "linux":
            _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
            if os.getppid() != expected:  # it died before we asked
                os._exit(1)

    return set_death_signal


def in_user_namespace(number: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` for root: uid 65534 in a user namespace of its own, mapped onto our uid.

    PostgreSQL then sees that it is not root, while every file stays ours: nothing is chowned, and it works below
    directories that only we can enter.
    """
    uid, gid = os.geteuid(), os.getegid()
    set_death_signal = dying_with_parent(number)

    def become_nobody() -> None:
        if _libc.unshare(_CLONE_NEWUSER):
            raise OSError(ctypes.get_errno(), "unshare")
        for name, line in (
            ("setgroups", "deny"),
            ("uid_map", f"{_OVERFLOW_ID} {uid} 1"),
            ("gid_map", f"{_OVERFLOW_ID} {gid} 1"),
        ):
            descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
            os.write(descriptor, line.encode())
            os.close(descriptor)
        set_death_signal()

    return become_nobody


def user_namespaces_work() -> bool:
    """Whether this kernel and container let root do the above; TOCSIN_NO_USERNS=1 says no."""
    if sys.platform != "linux" or os.environ.get("TOCSIN_NO_USERNS"):
        return False
    try:
        subprocess.run(["/bin/true"], preexec_fn=in_user_namespace(signal.SIGTERM), check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    return True
