#!/usr/bin/env python3
"""`make bench [B=<name>]`: runs tests/bench/bench_<name>.py, writes build/bench/<name>.json and a line
people can read. A benchmark measures side by side, in one run, with what a user would take instead and
with the physical limit; it judges nothing.

A benchmark module has NAME, UNIT and run(say) -> dict with at least `ours`, `peers` ({name: value or a
text why not}), `limit`; what else it measured stands beside.
"""
import importlib
import json
import os
import pathlib
import platform
import sys
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
OUT = ROOT / "build" / "bench"


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = next(int(line.split()[1]) // 1024 for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    return {"cpu": model, "cores": os.cpu_count(), "memory_mib": memory, "kernel": platform.release()}


def ratio(ours, other):
    return round(ours / other, 3) if isinstance(other, (int, float)) and other else None


def finish(module, result):
    peers = {n: v for n, v in result["peers"].items() if isinstance(v, (int, float))}
    best = max(peers.values(), default=None)
    record = {"name": module.NAME, "unit": module.UNIT, "machine": machine(),
              "ratio_to_limit": ratio(result["ours"], result.get("limit")),
              "ratio_to_best_peer": ratio(result["ours"], best)}
    record.update(result)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{module.NAME}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    peers_text = ", ".join(f"{n} {v:,.0f}" if isinstance(v, (int, float)) else f"{n}: {v}" for n, v in record["peers"].items())
    print(f"{record['name']}: {record['ours']:,.0f} {record['unit']} "
          f"(limit {record['limit']:,.0f}, ratio {record['ratio_to_limit']}; {peers_text or 'no peer'}; "
          f"to the best peer {record['ratio_to_best_peer']})", flush=True)


def run_one(name):
    """One that fails stops no other; its last figures are gone."""
    (OUT / f"{name}.json").unlink(missing_ok=True)
    began = time.monotonic()
    print(f"{name} ...", flush=True)
    try:
        module = importlib.import_module(f"tests.bench.bench_{name.replace('-', '_')}")
        finish(module, module.run(lambda text: print(f"  {text}", flush=True)))
    except Exception:
        traceback.print_exc()
        return False
    print(f"  {time.monotonic() - began:.0f} s", flush=True)
    return True


def main(names):
    here = pathlib.Path(__file__).parent
    known = sorted(p.stem.removeprefix("bench_").replace("_", "-") for p in here.glob("bench_*.py"))
    strangers = [n for n in names if n not in known]
    if strangers:
        print(f"no benchmark {strangers[0]}; there are: {', '.join(known)}", file=sys.stderr)
        return 64
    failed = [name for name in names or known if not run_one(name)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
