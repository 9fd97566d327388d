"""How throughput grows with clients, value sizes, pipelines and workers: measured, and drawn."""

import json
import statistics
import sys

from .plot import bars, lines
from .servers import KEYS, VALUE_BYTES, benchmark, measure

COMMON = f"-r {KEYS} -d {VALUE_BYTES} -t get"
CLIENTS = {1: 5_000, 10: 20_000, 50: 40_000, 200: 40_000, 500: 40_000, 1_000: 40_000, 2_000: 40_000, 5_000: 50_000}
# The number of clients is the same for all sizes: few, since 50 replies of 16 MB are memory for nobody.
SIZES = {16: 30_000, 256: 30_000, 4_096: 20_000, 65_536: 4_000, 1 << 20: 400, 1 << 24: 24}
SIZE_CLIENTS = 8
PIPELINES = {1: 40_000, 4: 100_000, 16: 300_000, 64: 500_000, 250: 500_000, 1_000: 500_000}
WORKERS = {
    "get -c 1": (5_000, f"{COMMON} -c 1"),
    "get -c 50": (40_000, f"{COMMON} -c 50"),
    "get -c 50 -P 16": (300_000, f"{COMMON} -c 50 -P 16"),
    "mset -c 50": (20_000, f"-r {KEYS} -d {VALUE_BYTES} -t mset -c 50"),
    "get 16 KB -c 50": (15_000, "-r 1000 -c 50 GET 16k:__rand_int__"),
}


def draw(stand, sidecar, binary, options):
    """Measures all, and writes an SVG for each; the figures go to a JSON beside the results."""
    targets = [stand.tls, stand.plain, sidecar, *filter(None, [stand.envoy()])]
    figures = {
        "clients": clients(stand, targets, options),
        "sizes": sizes(stand, targets, options),
        "pipelines": pipelines(stand, targets, options),
        "workers": workers(stand, binary, options),
    }
    options.images.mkdir(parents=True, exist_ok=True)
    for name, svg in {
        "clients": lines("GET of 64 bytes by clients", "clients", "requests/s", figures["clients"]),
        "sizes": lines(f"GET by size, {SIZE_CLIENTS} clients", "bytes of the value", "MB/s", figures["sizes"]),
        "pipelines": lines("GET of 64 bytes by pipeline, 50 clients", "commands", "requests/s", figures["pipelines"]),
        "workers": bars("Workers: ratio to straight TLS", figures["workers"]),
    }.items():
        (options.images / f"growth-{name}.svg").write_text(svg)
    return json.dumps(figures, indent=1)


def points(stand, targets, options, what, values, arguments):
    """The median of some rounds for each value and target."""
    found = {target.name: {} for target in targets}
    for value, requests in values.items():
        for target in targets:
            print(f"growth: {what} {value}, {target.name}", file=sys.stderr)
            requests = max(requests // (20 if options.quick else 1), 8)
            rounds = 1 if options.quick else 3
            runs = [measure(stand, target, arguments(value), requests) for _ in range(rounds)]
            found[target.name][value] = statistics.median(run.per_second for run in runs)
    return found


def clients(stand, targets, options):
    return points(stand, targets, options, "clients", CLIENTS, lambda count: f"{COMMON} -c {count}")


def pipelines(stand, targets, options):
    return points(stand, targets, options, "pipeline", PIPELINES, lambda depth: f"{COMMON} -c 50 -P {depth}")


def sizes(stand, targets, options):
    for size in SIZES:
        benchmark(stand.plain, ["-c", "1", "-n", "1", "SETRANGE", f"size:{size}", str(size - 1), "x"])
    ask = lambda size: f"-c {SIZE_CLIENTS} GET size:{size}"
    found = points(stand, targets, options, "bytes", SIZES, ask)
    for size in SIZES:
        benchmark(stand.plain, ["-c", "1", "-n", "1", "DEL", f"size:{size}"])
    return {name: {size: rate * size / 1e6 for size, rate in way.items()} for name, way in found.items()}


def workers(stand, binary, options):
    """Ratios to straight TLS with one worker and with two."""
    ways = {"1 worker": "1", "2 workers": "2"}
    targets = [stand.sidecar([binary, "--workers", count], name=way) for way, count in ways.items()]
    found = {way: {} for way in ways}
    for name, (requests, arguments) in WORKERS.items():
        rates = {}
        for _ in range(1 if options.quick else 5):
            for target in [stand.tls, *targets]:
                print(f"growth: workers, {name}, {target.name}", file=sys.stderr)
                count = requests // (20 if options.quick else 1)
                rates.setdefault(target.name, []).append(measure(stand, target, arguments, count).per_second)
        straight = statistics.median(rates["straight TLS"])
        for way in ways:
            found[way][name] = statistics.median(rates[way]) / straight
    return found
