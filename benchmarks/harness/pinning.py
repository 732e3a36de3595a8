"""So many processors for a process, told to the system and to every library before it is loaded."""

from __future__ import annotations

import os

__all__ = ["pin", "pools"]


def pin(threads: int) -> None:
    """Keep this process on its last `threads` processors, where the system can do that.

    One thread is then one: pools that some library starts beside it share its processor, and
    their work is on its clock.
    """
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[-threads:])


def pools(threads: int) -> dict[str, str]:
    """Environment variables that hold the libraries' thread pools to a size."""
    sizes = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        **dict.fromkeys(sizes, str(threads)),
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false" if threads == 1 else "",
    }
