"""Instructions a command, by callgrind: they hold on a busy machine, where times do not.

One client, so that batches are the same each time: a command, or a pipeline of 16, is a batch. The same key each
time. What the start costs falls out: the count of a run without commands is taken off. Instructions of the kernel
are not among them.
"""

import json
import platform
import re
import shutil
import subprocess

from .servers import ROOT, Stand, Trouble, benchmark, stop

FILE = ROOT / "benches/instructions.json"
# Another compiler, or another C library, moves counts by a little.
TOLERANCE = 0.05
SHAPES = {
    "get": "-t get -c 1",
    "set": "-t set -c 1",
    "get-p16": "-t get -c 1 -P 16",
    "set-p16": "-t set -c 1 -P 16",
    "lrange100": "-c 1 LRANGE list 0 99",
}
# Where a start differs from the next by millions (its entropy is measured, not read), many commands make that little.
COMMANDS = {"get-p16": 128_000, "set-p16": 128_000}
FEW = 8_000


def count(binary):
    """Instructions a command, by shape."""
    if not shutil.which("valgrind"):
        subprocess.run([ROOT / "scripts/system-packages", "valgrind"], check=False)
    if not shutil.which("valgrind"):
        raise Trouble("valgrind is missing: apt-get install valgrind")
    with Stand() as stand:
        start = instructions(stand, binary, None, 0)
        found = {}
        for name, arguments in SHAPES.items():
            commands = COMMANDS.get(name, FEW)
            found[name] = round((instructions(stand, binary, arguments, commands) - start) / commands)
        return found


def instructions(stand, binary, arguments, commands):
    """All that one run executed, from its start to its end."""
    valgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", binary]
    target = stand.sidecar(valgrind, name="counted", settings={"SIDECAR_WORKERS": "1"})
    if arguments:
        benchmark(target, ["-d", "64", "-n", str(commands), *arguments.split()])
    stop(target.process)
    said = re.search(r"Collected : (\d+)", target.log.read_text(errors="replace"))
    if not said:
        raise Trouble(f"callgrind has counted nothing: {target.log.read_text(errors='replace')[-500:]}")
    return int(said[1])


def check(found):
    """What differs from what is expected, in words; nothing is as it should be."""
    expected = json.loads(FILE.read_text())["instructions"]
    for name, wanted in expected.items():
        change = found[name] / wanted - 1
        verdict = "as expected" if abs(change) <= TOLERANCE else "MORE" if change > 0 else "fewer"
        print(f"{name}: {found[name]} instructions a command, expected {wanted} ({change:+.1%}): {verdict}")
    return [name for name, wanted in expected.items() if found[name] > wanted * (1 + TOLERANCE)]


def accept(found):
    """What was found is what is expected from now on."""
    rustc = subprocess.check_output(["rustc", "--version"], text=True).strip()
    kept = {"counted with": f"{rustc}, {platform.machine()}", "instructions": found}
    FILE.write_text(json.dumps(kept, indent=2) + "\n")
