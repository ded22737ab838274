"""The rows of every handler table, asked of the built programs (`--flow`), and which of them a laboratory's
logs say were handled. Logs must be at level debug: timers and requests without news write no line else."""
from __future__ import annotations

import collections
import functools
import json
import re
from pathlib import Path

from tests.lib.lab import PLAN, build_dir, run

KINDS = ("http", "event", "feed", "call", "effect", "timer")
# An answer that says no was worked for as well; what nobody waits for must have gone well.
ANSWERED = {"http": ("ok", "reject"), "call": ("ok", "reject")}


@functools.cache
def tables() -> dict[str, list[tuple]]:
    """{service: [(kind, in, from, [out])]} of all services."""
    found = {}
    for service in PLAN:
        cells = [[cell.strip() for cell in line.strip().strip("|").split("|")]
                 for line in run([build_dir() / f"bin/trien-{service}", "--flow"]).splitlines() if line.startswith("|")]
        found[service] = [(kind, what, who, [o for o in out.split(", ") if o])
                          for kind, what, who, out in (row for row in cells if len(row) == 4) if kind in KINDS]
    return found


def due() -> set[tuple]:
    """{(service, kind, name)} of every row; a feed that nobody says anything in has no events to be handled."""
    every = tables()
    speaking = {service for service, rows in every.items() if any(out for *_, out in rows)}
    return {(service, kind, name_of(kind, what, who)) for service, rows in every.items()
            for kind, what, who, _ in rows if kind != "feed" or who in speaking}


def name_of(kind, what, who) -> str:
    if kind == "event":
        return f"{what} of {who}"
    return {"feed": who, "call": what.partition(" ")[0]}.get(kind, what)


class Seen:
    """What the logs of a laboratory have told so far. Counter of (service, kind, name)."""

    def __init__(self, lab):
        self.lab, self.at, self.rows = lab, collections.Counter(), collections.Counter()
        self.feeds = {s for s, rows in tables().items() if any(kind == "feed" for kind, *_ in rows)}

    def look(self) -> "Seen":
        for path in (self.lab.dir / "log").glob("*-[0-9].log"):
            with open(path, "rb") as log:
                log.seek(self.at[path])
                whole = log.read().rpartition(b"\n")[0]
            self.at[path] += len(whole)
            # A killed process leaves half a line, and the next one's first stands behind it.
            for text in re.findall(rb'\{"time":[^\n]*"event":"handled"[^\n]*\}', whole):
                self.take(path, text)
        return self

    def take(self, path: Path, text: bytes):
        try:
            line = json.loads(text[text.rindex(b'{"time":'):])
        except ValueError:
            return
        kind, service = line["kind"], line["service"]
        if line["outcome"] not in ANSWERED.get(kind, ("ok",)):
            return
        name = {"http": f"{line.get('peer')} {line['name']}", "event": f"{line['name']} of {line.get('peer')}"}
        self.rows[service, kind, name.get(kind, line["name"])] += 1
        if kind == "event" and service in self.feeds:
            self.rows[service, "feed", line["peer"]] += 1

    def missing(self) -> list[tuple]:
        return sorted(due() - set(self.rows))
