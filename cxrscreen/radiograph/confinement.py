"""Give up, for good, what reading a file needs not.

Limits of the process, and Linux's Landlock where the kernel has it (5.13 and later): no file is written, made, moved,
removed or executed, no TCP connection made (6.7), no process outside signalled (6.12). Files may still be read.

Source: Linux, Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct

_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # system calls, the same on all architectures
_VERSION_FLAG = 1
_NO_NEW_PRIVILEGES = 38
_READ_RIGHTS = 0b1100  # reading files and folders, which stays allowed
_RIGHTS_BY_VERSION = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # number of rights to files that a version of Landlock knows
_TCP_VERSION, _SCOPE_VERSION = 4, 6
_BOTH = 0b11  # binding and connecting; abstract sockets and signals


def confine() -> bool:
    """Confine this process, and ignore the signals by which a batch is stopped; return whether Landlock holds, too.

    A Ctrl-C or the end of a service reaches every process of it. The batch's process then stops in order, and this
    one with it, when its standard input ends.
    """
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return _landlock()


def _landlock() -> bool:
    library = ctypes.CDLL(None)
    version = library.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)
    if version < 1:
        return False  # an older kernel, or a container that forbids the call
    rights = (1 << _RIGHTS_BY_VERSION.get(version, max(_RIGHTS_BY_VERSION.values()))) - 1
    ruleset = struct.pack("Q", rights & ~_READ_RIGHTS)
    ruleset += struct.pack("Q", _BOTH) if version >= _TCP_VERSION else b""
    ruleset += struct.pack("Q", _BOTH) if version >= _SCOPE_VERSION else b""
    descriptor = library.syscall(_CREATE_RULESET, ruleset, ctypes.c_size_t(len(ruleset)), 0)
    if descriptor < 0:
        return False
    library.prctl(_NO_NEW_PRIVILEGES, *(ctypes.c_ulong(number) for number in (1, 0, 0, 0)))
    confined: bool = library.syscall(_RESTRICT_SELF, descriptor, 0) == 0
    os.close(descriptor)
    return confined
