"""What a process may compute on: its share of the CPUs, and its GPUs.

TensorFlow is imported inside `configure`, because those who only count CPUs do without it.
"""

import math
import os
from pathlib import Path
from typing import Literal

Device = Literal["auto", "cpu", "gpu"]

_QUOTA_V2 = Path("/sys/fs/cgroup/cpu.max")
_QUOTA_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
_PERIOD_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")


def configure(device: Device = "auto", *, threads: int | None = None) -> int:
    """Sets up TensorFlow, before its first operation; answers how many GPUs it will use.

    Every GPU's memory is taken as it is needed. `threads` is this process's share of the CPUs if unset.
    Called again, or too late, it leaves what cannot be changed any more.
    """
    import tensorflow as tf

    gpus = [] if device == "cpu" else tf.config.list_physical_devices("GPU")
    count = threads or cpus()
    try:
        tf.config.set_visible_devices(gpus, "GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)
    except RuntimeError:  # the devices are initialized
        return len(tf.config.list_logical_devices("GPU"))
    return len(gpus)


def cpus() -> int:
    """How many CPUs this process may use at once: its affinity, and the quota of its cgroup."""
    quota = _quota()
    # macOS has no affinity.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(allowed or 1, math.ceil(quota) if quota else allowed or 1))


def _quota() -> float | None:
    try:
        if _QUOTA_V2.exists():
            limit, period = _QUOTA_V2.read_text().split()
        else:
            limit, period = _QUOTA_V1.read_text(), _PERIOD_V1.read_text()
        return int(limit) / int(period) if int(limit) > 0 else None
    except (OSError, ValueError):  # no cgroup, or no limit: "max"
        return None
