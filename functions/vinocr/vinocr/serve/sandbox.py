"""What a reader process may do: compute, and talk over its pipes. Nothing else.

A reader decodes strangers' images. Should an image take it over, there is nothing to be had: its
environment holds no secret, it has no descriptor but its pipes, and once its networks are loaded
the system refuses it sockets, files to write, programs to start and other processes to look into.

- Linux on x86-64 and ARM: a seccomp filter over all its threads, and Landlock over the thread that
  decodes (where the kernel has it: no writing, no TCP, no look into processes outside), whose
  root, if it is root, keeps none of root's powers but to read files.
- Elsewhere: limits alone (no file may grow). `confine` says what there is, and the log with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
import sys
from collections.abc import Mapping
from typing import Final

_KEPT: Final = frozenset({
    "PATH", "HOME", "XDG_CACHE_HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "VIRTUAL_ENV",
    "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONUTF8",
    "PYTHONUNBUFFERED", "PYTHONHASHSEED", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "PYTHONSAFEPATH",
    "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONFAULTHANDLER", "PYTHONIOENCODING", "PYTHONMALLOC",
})  # fmt: skip


def environment(of_server: Mapping[str, str]) -> dict[str, str]:
    """Return the part of the server's environment that a reader needs. No other name passes."""
    return {k: v for k, v in of_server.items() if k in _KEPT or k.startswith("LC_")}


def confine() -> str:
    """Give up, for good, what reading an image does not need.

    :returns: what is in force: of ``seccomp``, ``landlock`` and ``limits``, joined by ``+``.
    """
    done = []
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if libc is not None and libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0:
        _drop_capabilities(libc)
        if _landlock(libc):
            done.append("landlock")
        if _seccomp(libc):
            done.append("seccomp")
    if _limits():
        done.append("limits")
    return "+".join(done) or "nothing"


def _limits() -> bool:
    try:
        import resource
    except ImportError:  # Windows
        return False
    for name in ("RLIMIT_FSIZE", "RLIMIT_CORE"):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (0, 0))
    return True


# --- Capabilities: linux/capability.h -------------------------------------------------------------

_CAPABILITY_VERSION: Final = 0x20080522
_READ_ANY_FILE: Final = 0b110
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: root's own code may lie in another user's folder."""


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """Give up what root may, such as to look into any process, whatever Landlock says."""
    header = struct.pack("=II", _CAPABILITY_VERSION, 0)
    held = ctypes.create_string_buffer(24)
    if libc.capget(header, held) == 0:
        effective, permitted, _ = struct.unpack("=III", held.raw[:12])
        left = (effective & _READ_ANY_FILE, permitted & _READ_ANY_FILE, 0, 0, 0, 0)
        libc.capset(header, struct.pack("=6I", *left))


# --- Landlock: linux/landlock.h ------------------------------------------------------------------

_NO_NEW_PRIVILEGES: Final = 38
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_VERSION: Final = 1
_WRITES: Final = {1: 0x1FF2, 2: 0x3FF2, 3: 0x7FF2, 5: 0xFFF2}
"""Landlock's version → the rights over files that change something."""


def _landlock(libc: ctypes.CDLL) -> bool:
    version = libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    writes = next(
        rights for least, rights in sorted(_WRITES.items(), reverse=True) if version >= least
    )
    tcp = 0x3 if version >= 4 else 0
    scope = 0x3 if version >= 6 else 0
    rules = struct.pack("=QQQ", writes, tcp, scope)[
        : 24 if version >= 6 else 16 if version >= 4 else 8
    ]
    handle = libc.syscall(_CREATE_RULESET, rules, len(rules), 0)
    if handle < 0:
        return False
    try:
        return bool(libc.syscall(_RESTRICT_SELF, handle, 0) == 0)
    finally:
        os.close(handle)


# --- seccomp: linux/seccomp.h, linux/bpf_common.h, and the tables of system calls -----------------

_TSYNC: Final = 1
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_OPEN_FOR_WRITING: Final = 0o1 | 0o2 | 0o100 | 0o1000
_CLONE_THREAD: Final = 0x10000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

_REFUSED: Final[dict[str, tuple[int, int | None]]] = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206),
    "sendmsg": (46, 211), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "tkill": (200, 130), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "io_uring_setup": (425, 425), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "mount": (165, 40), "umount2": (166, 39), "unshare": (272, 97),
    "setns": (308, 268), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "truncate": (76, 45), "ftruncate": (77, 46), "renameat": (264, 38), "renameat2": (316, 276),
    "linkat": (265, 37), "unlinkat": (263, 35), "symlinkat": (266, 36), "mkdirat": (258, 34),
    "mknodat": (259, 33), "fchmod": (91, 52), "fchmodat": (268, 53), "fchown": (93, 55),
    "fchownat": (260, 54), "utimensat": (280, 88), "setxattr": (188, 5), "memfd_create": (319, 279),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "fork": (57, None),
    "vfork": (58, None), "creat": (85, None), "rename": (82, None), "mkdir": (83, None),
    "rmdir": (84, None), "link": (86, None), "unlink": (87, None), "symlink": (88, None),
    "mknod": (133, None), "chmod": (90, None), "chown": (92, None), "lchown": (94, None),
    "utime": (132, None), "utimes": (235, None), "futimesat": (261, None),
    # of others, or of what outlives a process: signals, priorities, attributes, System V's and POSIX's IPC
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424),
    "setpriority": (141, 140), "sched_setparam": (142, 118), "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122), "sched_setattr": (314, 274), "ioprio_set": (251, 30),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272),
    "fchmodat2": (452, 452), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "setxattrat": (463, 463),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "removexattrat": (466, 466), "fallocate": (285, 47), "sendmmsg": (307, 269), "syslog": (103, 116),
    "shmget": (29, 194), "shmat": (30, 196), "msgget": (68, 186), "semget": (64, 190),
    "mq_open": (240, 180), "mq_unlink": (241, 181),
}  # fmt: skip
"""System call → its number on x86-64 and on ARM (None: there is none)."""
_MACHINES: Final = ("x86_64", "aarch64")
_SPECIAL: Final = {
    "x86_64": (317, 0xC000003E, 56, 257, 2),
    "aarch64": (277, 0xC00000B7, 220, 56, 0),
}
"""Machine → numbers of seccomp, of the architecture, of clone, openat and open (0: there is none)."""
_CLONE3, _OPENAT2 = 435, 437
_KILL: Final = (62, 129)
_TGKILL: Final = (234, 131)
_PRLIMIT: Final = (302, 261)


def _seccomp(libc: ctypes.CDLL) -> bool:
    machine = platform.machine()
    if machine not in _SPECIAL or sys.byteorder != "little":
        return False
    program = b"".join(_program(machine))
    filters = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filters", ctypes.c_void_p))

    given = Program(len(program) // 8, ctypes.cast(filters, ctypes.c_void_p))
    return bool(libc.syscall(_SPECIAL[machine][0], 1, _TSYNC, ctypes.byref(given)) == 0)


def _program(machine: str) -> list[bytes]:
    """Return the filter, one instruction of eight bytes each."""
    _, architecture, clone, openat, open_ = _SPECIAL[machine]
    refuse = _step(_RETURN, _ERRNO | _EPERM)
    steps = [
        _step(_LOAD, _ARCHITECTURE), _step(_EQUAL, architecture, 1, 0), refuse,
        _step(_LOAD, _NUMBER), _step(_ANY_BIT, 0x40000000, 0, 1), refuse,  # x32
    ]  # fmt: skip
    column = _MACHINES.index(machine)
    for refused in filter(None, (numbers[column] for numbers in _REFUSED.values())):
        steps += [_step(_EQUAL, refused, 0, 1), refuse]
    for number in (_CLONE3, _OPENAT2):  # arguments out of sight: libc takes the older call
        steps += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ERRNO | _ENOSYS)]
    for number, argument in ((openat, 2), (open_, 1)):
        if number:
            steps += _by_argument(number, argument, _OPEN_FOR_WRITING, refused_if_set=True)
    steps += _by_argument(clone, 0, _CLONE_THREAD, refused_if_set=False)
    own = os.getpid()
    for numbers in (_KILL, _TGKILL):  # how a process aborts
        steps += _of_itself(numbers[column], own)
    steps += _of_itself(_PRLIMIT[column], own, 0)  # 0: how it asks for its own limits
    return [*steps, _step(_RETURN, _ALLOW)]


def _of_itself(number: int, *allowed: int) -> list[bytes]:
    """Allow one call for these processes alone, which its first argument names."""
    count = len(allowed)
    return [
        _step(_EQUAL, number, 0, count + 3),
        _step(_LOAD, _FIRST_ARGUMENT),
        *(_step(_EQUAL, process, count - n, 0) for n, process in enumerate(allowed)),
        _step(_RETURN, _ERRNO | _EPERM),
        _step(_RETURN, _ALLOW),
    ]


def _by_argument(number: int, argument: int, bits: int, *, refused_if_set: bool) -> list[bytes]:
    """Decide about one call by bits of one argument."""
    to_refuse = (0, 1) if refused_if_set else (1, 0)
    return [
        _step(_EQUAL, number, 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT + 8 * argument),
        _step(_ANY_BIT, bits, *to_refuse),
        _step(_RETURN, _ERRNO | _EPERM),
        _step(_RETURN, _ALLOW),
    ]


def _step(code: int, value: int, if_so: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_so, if_not, value)
