"""Mount a directory of one instance in another: `python -m ...graft FROM DIRECTORY TO TARGET`, by process ids.

The way of `open_tree(2)` and `move_mount(2)`: the mount is copied in the one mount namespace and put down in the other.
A process of its own, because a thread cannot change its mount namespace alone.
"""

from __future__ import annotations

import ctypes
import os
import sys

_OPEN_TREE, _MOVE_MOUNT = 428, 429
_AT_FDCWD = -100
_OPEN_TREE_CLONE = 1
_AT_RECURSIVE = 0x8000
_MOVE_MOUNT_F_EMPTY_PATH = 4


def graft(source: int, directory: str, target: int, mount_dir: str) -> None:
    """Mount it.

    Raises:
        OSError: there is no such directory, on either side.
    """
    namespaces = [os.open(f"/proc/{process}/ns/mnt", os.O_RDONLY) for process in (source, target)]
    os.setns(namespaces[0], os.CLONE_NEWNS)
    tree = _call(_OPEN_TREE, _AT_FDCWD, directory.encode(), _OPEN_TREE_CLONE | _AT_RECURSIVE)
    os.setns(namespaces[1], os.CLONE_NEWNS)
    _call(_MOVE_MOUNT, tree, b"", _AT_FDCWD, mount_dir.encode(), _MOVE_MOUNT_F_EMPTY_PATH)


def _call(*arguments: int | bytes) -> int:
    result: int = ctypes.CDLL(None, use_errno=True).syscall(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


if __name__ == "__main__":
    try:
        graft(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
    except OSError as problem:
        sys.exit(str(problem.strerror))
