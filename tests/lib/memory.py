"""How much memory processes really take: proportional shares (PSS), so that libraries and the pages that a zygote
shares with its children count once; and what `ps` would say (RSS)."""
from __future__ import annotations

import contextlib
from pathlib import Path


def family(pid: int):
    """The process and all below it."""
    yield pid
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from family(int(child))


def kib(pid: int, kind="Pss") -> int:
    """Of a process and all below it; kind: Pss or Rss."""
    total = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:"))
    return total
