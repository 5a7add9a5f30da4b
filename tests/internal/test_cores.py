"""The number of cores that this process may use."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ctxzip._internal.cores import available_cores, cgroup_limit


def fake_system(root, cgroup, files):
    """Write the files of the kernel under `root`."""
    for name, text in {"proc/self/cgroup": cgroup, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V1 = {"cpu.cfs_quota_us": "150000\n", "cpu.cfs_period_us": "100000\n"}


@pytest.mark.parametrize(
    ("cgroup", "files", "limit"),
    [
        ("0::/\n", {}, None),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "max 100000\n"}, None),
        ("0::/job\n", {"sys/fs/cgroup/job/cpu.max": "150000 100000\n"}, 1.5),
        ("0::/job/step\n", {"sys/fs/cgroup/job/cpu.max": "50000 100000\n", "sys/fs/cgroup/job/step/cpu.max": "max 100000\n"}, 0.5),
        ("0::/docker/4f\n", {"sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ("4:memory:/x\n1:cpu,cpuacct:/x\n", {f"sys/fs/cgroup/cpu,cpuacct/x/{name}": text for name, text in V1.items()}, 1.5),
        ("1:cpu:/\n", {f"sys/fs/cgroup/cpu/{name}": text for name, text in V1.items()}, 1.5),
        ("1:cpu:/\n", {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}, None),
        ("0::/\n", {"sys/fs/cgroup/cpu.max": "?\n"}, None),
    ],
    ids=["none", "max", "v2", "above", "in a container", "v1", "v1 root", "v1 none", "damaged"],
)  # fmt: skip
def test_the_limit_of_the_cgroup_is_read(tmp_path, cgroup, files, limit):
    """In both versions of cgroups; the lowest limit of those above counts, too."""
    assert cgroup_limit(fake_system(tmp_path, cgroup, files)) == limit


def test_without_the_folder_proc_there_is_no_limit(tmp_path):
    """As on macOS and Windows."""
    assert cgroup_limit(tmp_path) is None
    assert available_cores() >= 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs CPU affinity")
def test_the_affinity_is_respected():
    """As after `taskset -c 0`."""
    core = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, {{{core}}}); from ctxzip._internal.cores import available_cores; print(available_cores())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "1\n"
