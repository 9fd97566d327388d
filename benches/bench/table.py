"""The table of targets: the sidecar beside Redis straight over TLS and straight in plain, in turns.

Rounds are played until the time is over. A number that a single round shows says little: machines are busy.
"""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections import namedtuple

from .idle import idle_memory
from .servers import CIPHER, KEYS, VALUE_BYTES, Trouble, measure, memory_kb

# `wanted` is the ratio to straight TLS that is aimed at; `twice` plays it twice a round, since two cores settle
# into one of two rhythms there.
Workload = namedtuple("Workload", "requests arguments wanted twice", defaults=[False])
COMMON = f"-r {KEYS} -d {VALUE_BYTES}"
WORKLOADS = {
    "get-1": Workload(10_000, f"{COMMON} -t get -c 1", None),
    "set-1": Workload(10_000, f"{COMMON} -t set -c 1", None),
    "get-50": Workload(60_000, f"{COMMON} -t get -c 50", 1.35, True),
    "set-50": Workload(60_000, f"{COMMON} -t set -c 50", 1.35, True),
    "get-50-p16": Workload(500_000, f"{COMMON} -t get -c 50 -P 16", 1.00),
    "set-50-p16": Workload(500_000, f"{COMMON} -t set -c 50 -P 16", 1.00),
    "get-200": Workload(60_000, f"{COMMON} -t get -c 200", 1.50),
    "set-200": Workload(60_000, f"{COMMON} -t set -c 200", 1.50),
    "get-500": Workload(75_000, f"{COMMON} -t get -c 500", 1.80),
    "set-500": Workload(75_000, f"{COMMON} -t set -c 500", 1.80),
    "mset-50": Workload(30_000, f"{COMMON} -t mset -c 50", 0.95),
    "lrange100-50": Workload(30_000, "-c 50 LRANGE list 0 99", 0.90),
    "get16k-50": Workload(20_000, "-r 1000 -c 50 GET 16k:__rand_int__", 0.80),
    "churn-50": Workload(6_000, f"{COMMON} -t get -c 50 -k 0", 17.0),
}
CPU_WANTED = {"own_cpu": 7.0, "redis_cpu": 3.0}


def report(stand, sidecar, binary, options):
    """Measures, and returns the report as markdown."""
    fresh = stand.sidecar([binary], name="fresh")
    resting, idle = memory_kb(fresh.pid), idle_memory(fresh)
    targets = [stand.tls, stand.plain, sidecar]
    load_before = os.getloadavg()[0]
    runs, rounds = play(stand, targets, options)
    lines = [
        headline(binary, rounds, load_before, options),
        "",
        "Medians (lowest to highest). Times in ms. CPU in µs a command: user and system, all threads.",
        "",
        "| workload | requests/s straight TLS | straight plain | sidecar | plain | **sidecar** | wanted "
        "| p50 TLS | p50 sidecar | p99 TLS | p99 sidecar | CPU sidecar | CPU Redis, TLS | CPU Redis, sidecar |",
        "|---|" + "---:|" * 13,
        *(row(name, [runs[name, target.name] for target in targets]) for name in options.names),
        "",
        f"At rest {resting / 1024:.1f} MB resident; {idle}.",
    ]
    if "get-50" in options.names:
        best = min(runs["get-50", sidecar.name], key=lambda run: run.own_cpu)
        lines.insert(-1, f"`get-50` in its cheapest run: {best.own_cpu:.1f} µs of the sidecar's CPU (wanted: 7), "
                         f"{best.redis_cpu:.1f} of Redis's (wanted: 3).")
        lines.insert(-1, "")
    return "\n".join(lines)


def play(stand, targets, options):
    """All workloads in turns, until another round would take too long."""
    start, runs, sent, number, longest = time.monotonic(), {}, 0, 0, 0.0
    names = [name for name in options.names for _ in range(1 + WORKLOADS[name].twice)]
    before, _ = stand.statistics()
    # The first turn warms up and is not kept.
    while number <= options.rounds and (number < 2 or time.monotonic() - start + longest < options.seconds):
        began = time.monotonic()
        for place, name in enumerate(names):
            workload = WORKLOADS[name]
            requests = max(workload.requests // (10 if options.quick or number == 0 else 1), 500)
            # Turned about, so that none is always the first after another.
            for target in targets if (number + place) % 2 else reversed(targets):
                print(f"round {number}: {name}, {target.name}", file=sys.stderr)
                run = measure(stand, target, workload.arguments, requests)
                sent += requests
                if number > 0:
                    runs.setdefault((name, target.name), []).append(run)
        longest = max(longest, time.monotonic() - began)
        number += 1
    ran, missed = stand.statistics()
    # Redis itself must have run every command and found every key: else the figures mean nothing.
    if ran - before < sent or missed > 0:
        raise Trouble(f"of {sent} commands Redis ran {ran - before}, and found no key for {missed}")
    return runs, number - 1


def headline(binary, rounds, load_before, options):
    sidecar, redis = (subprocess.check_output([it, "--version"], text=True) for it in (str(binary), "redis-server"))
    return (
        f"{sidecar.strip()} in front of Redis {redis.split()[2].removeprefix('v=')}, {CIPHER}; {os.cpu_count()} CPUs, "
        f"{platform.platform(terse=True)}, load average before {load_before:.1f}; rounds: {rounds}, interleaved; "
        f"values of {VALUE_BYTES} bytes, {KEYS} keys" + ("; **quick: no figures to keep**" if options.quick else "")
    )


def row(name, ways):
    tls, plain, sidecar = ways
    base = median(tls, "per_second")
    workload = WORKLOADS[name]
    cells = [
        f"{name}: `{workload.arguments.removeprefix(COMMON).strip()}`",
        *(spread([run.per_second for run in way]) for way in ways),
        f"{median(plain, 'per_second') / base:.2f}",
        f"**{median(sidecar, 'per_second') / base:.2f}**",
        f"{workload.wanted:.2f}" if workload.wanted else "",
        *(f"{median(way, key):.3f}" for key in ("p50", "p99") for way in (tls, sidecar)),
        f"{median(sidecar, 'own_cpu'):.1f}",
        *(f"{median(way, 'redis_cpu'):.1f}" for way in (tls, sidecar)),
    ]
    return "| " + " | ".join(cells) + " |"


def median(runs, key):
    return statistics.median(getattr(run, key) for run in runs)


def spread(rates):
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"
