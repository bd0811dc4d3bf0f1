#!/usr/bin/env python3
"""Times quorate beside other tools of the field on the same corpus, in one run, and prints a table in Markdown.

Usage: benchmarks/run.py [RUNS]

The other tools are looked for on PATH and in target/tools; each that is missing is named and left out:

    GOBIN=$PWD/target/tools go install github.com/open-policy-agent/conftest@latest
    GOBIN=$PWD/target/tools go install github.com/zegl/kube-score/cmd/kube-score@latest
    kube-linter: a released binary (its module path is not served by every module proxy)
"""

import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ROOT / "target" / "tools"
CORPUS = ROOT / "target" / "corpus"


def command_of(name: str) -> str | None:
    own = TOOLS / name
    return str(own) if own.exists() else shutil.which(name)


def once(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak memory in MiB of one run; its output and exit status do not matter."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    _, _, usage = os.wait4(process.pid, 0)
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=ROOT, check=True)
    subprocess.run([sys.executable, ROOT / "benchmarks" / "corpus.py", CORPUS], check=True)
    files = sorted(str(path) for path in CORPUS.glob("*.yaml"))
    quorate = str(ROOT / "target" / "release" / "quorate")
    candidates = [
        ("quorate check, all rules", quorate, ["check", str(CORPUS), "-q"]),
        ("conftest, 5 rules", command_of("conftest"), ["test", "-p", str(ROOT / "benchmarks" / "conftest"), *files]),
        ("kube-linter, its default checks", command_of("kube-linter"), ["lint", str(CORPUS)]),
        ("kube-score, its default checks", command_of("kube-score"), ["score", *files]),
    ]
    for name, path, _ in candidates:
        if path is None:
            print(f"left out: {name} (not installed)", file=sys.stderr)
    present = [(name, [path, *arguments]) for name, path, arguments in candidates if path is not None]
    seconds: dict[str, list[float]] = {name: [] for name, _ in present}
    processor: dict[str, list[float]] = {name: [] for name, _ in present}
    memory: dict[str, list[float]] = {name: [] for name, _ in present}
    # In turn, so that a change of the machine's speed meets all of them; the first round warms up and does not count.
    for round_number in range(runs + 1):
        for name, command in present:
            wall, busy, peak = once(command)
            if round_number > 0:
                seconds[name].append(wall)
                processor[name].append(busy)
                memory[name].append(peak)
    own = statistics.median(seconds[present[0][0]])
    print(f"{platform.machine()}, {os.cpu_count()} cores; median (and range) of {runs} runs\n")
    print("| tool | wall seconds | range | times quorate | processor seconds | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, _ in present:
        values = seconds[name]
        median = statistics.median(values)
        print(
            f"| {name} | {median:.2f} | {min(values):.2f}–{max(values):.2f} | {median / own:.1f} "
            f"| {statistics.median(processor[name]):.2f} | {statistics.median(memory[name]):.0f} |"
        )


if __name__ == "__main__":
    main()
