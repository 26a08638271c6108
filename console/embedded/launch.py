"""Become a server that ends with its parent: a script between the desk and the server's program.

    python -I -S launch.py PARENT_PID SIGNAL USER_NAMESPACE PROGRAM [ARGUMENT...]

It replaces itself by PROGRAM, so the process id stays. It is a program of its own rather than
code that runs between fork and exec, which is unsafe in a process with threads. On Linux the
kernel sends SIGNAL to the server when the desk dies, `kill -9` included. With USER_NAMESPACE 1,
root appears as an ordinary user to PROGRAM: PostgreSQL refuses to run as root.

Exit status 69: this machine does not let us do that; a line that begins with REFUSAL says why.
"""

import ctypes
import os
import sys

EX_UNAVAILABLE = 69  # of sysexits.h: the shells' word for "this cannot be had here"
REFUSAL = "no user namespace"
_PR_SET_PDEATHSIG = 1
_ORDINARY_UID = 1000


def _appear_as_ordinary_user() -> None:
    """Enter a user namespace in which root is called 1000. Files stay root's outside."""
    uid, gid = os.getuid(), os.getgid()
    os.unshare(os.CLONE_NEWUSER)
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{_ORDINARY_UID} {uid} 1"),
        ("gid_map", f"{_ORDINARY_UID} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - starts quicker
            file.write(text)


def _end_with(parent_pid: int, signal_number: int) -> None:
    """Ask the kernel for a signal when the parent dies; leave when it already has."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent_pid:
        sys.exit(EX_UNAVAILABLE)


def main(arguments: list[str]) -> None:
    """Prepare this process and replace it by the program."""
    parent_pid, signal_number, user_namespace, *command = arguments
    if user_namespace == "1":
        try:
            _appear_as_ordinary_user()
        except OSError as error:
            print(f"{REFUSAL}: {error.strerror}", file=sys.stderr)
            sys.exit(EX_UNAVAILABLE)
    if sys.platform == "linux":
        # After the namespace: a change of credentials would clear it.
        _end_with(int(parent_pid), int(signal_number))
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
