"""What the numbers were taken on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

__all__ = ["describe_machine"]

CPU = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")


def describe_machine() -> dict[str, Any]:
    """Processor, caches, memory, system and load; what a system does not tell is left out."""
    fields = dict(_fields(CPU.read_text())) if CPU.exists() else {}
    flags = set(fields.get("flags", "").split())
    wide = [name for name in ("avx2", "fma", "avx512f", "avx512_bf16", "asimd") if name in flags]
    return {
        "processor": fields.get("model name", platform.processor()),
        "family and model": f"{fields.get('cpu family', '?')}, {fields.get('model', '?')}",
        "instructions": wide,
        "processors": os.cpu_count(),
        "caches": _caches(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _fields(text: str) -> list[tuple[str, str]]:
    first = text.split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return [(name.strip(), value.strip()) for name, value in pairs]


def _caches() -> dict[str, str]:
    found = {}
    for index in sorted(CACHES.glob("index*")):
        kind = (index / "type").read_text().strip()
        if kind != "Instruction":
            found[f"L{(index / 'level').read_text().strip()}"] = (
                (index / "size").read_text().strip()
            )
    return found
