"""Processor time of processes, from /proc: of a service with its children, of PostgreSQL's backends by
database. A process that ends takes its time along to its parent's account of children."""
import os
from pathlib import Path

TICK = 1000 / os.sysconf("SC_CLK_TCK")


def stat_of(pid):
    """(parent, session, milliseconds with reaped children) or None when it has gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[1]), int(fields[3]), sum(int(f) for f in fields[11:15]) * TICK


def title_of(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
    except OSError:
        return ""


def backend_name(title):
    """`postgres: trien_intake lab1_intake [local] idle` → `pg intake`; others by what they do."""
    words = title.removeprefix("postgres: ").split()
    if len(words) > 1 and words[1].startswith("lab"):
        return "pg " + words[1].partition("_")[2]
    return "pg background"


def by_process(lab):
    """{name: milliseconds so far} of a laboratory and its cluster."""
    sessions = {p.popen.pid: p.service for p in lab.processes.values() if p.alive()}
    postmaster = int((lab.template.dir / "pg/postmaster.pid").read_text().split()[0])
    spent = {}
    for pid in (int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()):
        seen = stat_of(pid)
        if not seen:
            continue
        parent, session, ms = seen
        if session in sessions:
            name = sessions[session]
        elif pid == postmaster:
            name = "pg background"
        elif parent == postmaster:
            name = backend_name(title_of(pid))
        else:
            continue
        spent[name] = spent.get(name, 0) + ms
    return spent


def difference(before, after, count):
    """Milliseconds a request, the most expensive first, with their sum."""
    each = {n: round((after[n] - before.get(n, 0)) / count, 3) for n in after}
    each = {n: ms for n, ms in sorted(each.items(), key=lambda item: -item[1]) if ms > 0}
    return {"all": round(sum(each.values()), 3), **each}
