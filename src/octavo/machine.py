"""The machine and the libraries that a run took place on."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from octavo.version import __version__

LIBRARIES = ("numpy", "ml_dtypes", "protobuf", "msgspec", "ai-edge-litert", "click", "tqdm")
"""What Octavo needs."""
COMPANIONS = {"PIL": "Pillow", "h5py": "h5py", "keras": "keras", "tensorflow": "tensorflow"}
"""Modules that may take part, and the packages that they are in."""


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The installed version of each package; "" where there is none."""
    found: dict[str, str] = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = __version__ if package == "octavo" else ""
    return found


def taking_part() -> tuple[str, ...]:
    """The packages that Octavo needs, and those companions that this process has loaded."""
    return (*LIBRARIES, *(package for module, package in COMPANIONS.items() if module in sys.modules))


def processor() -> str:
    """The name of the processor, as the system knows it."""
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text("utf-8", "replace").splitlines() if listed.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
