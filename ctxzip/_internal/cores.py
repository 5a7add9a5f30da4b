"""The number of CPU cores that this process may use: its affinity, and the limit of its cgroup, as containers set it."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def available_cores() -> int:
    """Return the number of cores that this process may use, at least 1; a limit of 1.5 cores counts as 2."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = cgroup_limit()
    return allowed if limit is None else max(1, min(allowed, ceil(limit)))


def cgroup_limit(root: Path = Path("/")) -> float | None:
    """Return the lowest limit, in cores, on the cgroup of this process and on those above it; None without a limit.

    Linux only. Both versions of cgroups, listed in `/proc/self/cgroup` and mounted under `/sys/fs/cgroup` (cgroups(7),
    and `cpu.max` in the kernel's admin-guide/cgroup-v2).

    Args:
        root: of the file system.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except (OSError, ValueError):
        return None
    limits = [limit for line in lines for folder in _folders(root, line) if (limit := _limit(folder)) is not None]
    return min(limits, default=None)


def _folders(root: Path, line: str) -> Iterator[Path]:
    """Yield the folders of the cgroup in one line of `/proc/self/cgroup`, and of those above it."""
    _, _, rest = line.partition(":")
    controllers, _, name = rest.partition(":")
    mount = root / "sys/fs/cgroup"
    if controllers:
        if "cpu" not in controllers.split(","):
            return
        mount = next((path for path in (mount / controllers, mount / "cpu") if path.is_dir()), mount)
    path = PurePosixPath(name)
    # Inside a container the name may be the one on the host, while the folder itself is mounted at the root.
    for folder in (path, *path.parents):
        yield mount / folder.relative_to("/") if folder.is_absolute() else mount


def _limit(folder: Path) -> float | None:
    """Return the limit, in cores, in the files of one cgroup; None without one."""
    try:
        if (folder / "cpu.max").is_file():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return None if quota == "max" or float(quota) <= 0 else float(quota) / float(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
