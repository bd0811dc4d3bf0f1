#!/usr/bin/env python3
"""Times how many pods a second quorate's scheduler places beside the plugins of kube-scheduler 1.36.3 in process, on the same
clusters, in one run, and prints a table in Markdown. Needs Go for the latter (`tests/oracle`).

Usage: benchmarks/scheduler.py [RUNS]
"""

import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ORACLE = ROOT / "target" / "tools" / "oracle"
OURS = ROOT / "target" / "release" / "examples" / "placement_speed"
NODES = 5000
HELD = [50_000, 150_000]
SHAPES = ["basic", "spread", "anti-affinity", "preferred", "mixed"]
# As many as take some seconds there and some tenths of a second here.
PODS_THERE, PODS_HERE = 1000, 20_000


def measured(command: list[str]) -> tuple[float, float]:
    """Pods a second and peak memory in MiB of one run."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} failed")
    return json.loads(output)["podsPerSecond"], usage.ru_maxrss / 1024


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    build = ["cargo", "build", "--release", "--locked", "-p", "quorate-sim", "--example", "placement_speed"]
    subprocess.run(build, cwd=ROOT, check=True)
    ORACLE.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "build", "-o", ORACLE, "."], cwd=ROOT / "tests" / "oracle", check=True)
    print(f"{platform.machine()}, {os.cpu_count()} cores, {NODES} nodes; median (and range) of {runs} runs\n")
    print("| pods | held | kube-scheduler's plugins | quorate, one thread | ratio | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for held in HELD:
        for shape in SHAPES:
            there, here, memory = [], [], []
            flags = ["--nodes", str(NODES), "--held", str(held), "--shape", shape]
            # In turn, so that a change of the machine's speed meets both.
            for _ in range(runs):
                there.append(measured([str(ORACLE), "measure-schedule", "--pods", str(PODS_THERE), *flags])[0])
                speed, peak = measured([str(OURS), "--pods", str(PODS_HERE), *flags])
                here.append(speed)
                memory.append(peak)
            other, own = statistics.median(there), statistics.median(here)
            print(
                f"| {shape} | {held} | {other:.0f}/s ({min(there):.0f}–{max(there):.0f}) "
                f"| {own:.0f}/s ({min(here):.0f}–{max(here):.0f}) | {own / other:.0f} | {max(memory):.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
