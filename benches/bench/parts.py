"""Where the time of one command goes, by perf: ours beside Envoy's.

Samples are sorted by the system call that they were taken in, and outside of one by the name of the function; a
share of all samples times the CPU a command is the CPU of a part. It needs perf, and the right to use it.
"""

import re
import shutil
import subprocess
import sys

from .servers import KEYS, VALUE_BYTES, Trouble, measure

SECONDS = 4
REQUESTS = 300_000
# In a stack of the kernel; the first that is found counts.
KERNEL = [
    ("socket: read", r"tcp_recvmsg|sys_recv|sys_read|sys_readv|ksys_read"),
    # The sidecar writes replies by send, and TLS records by writev; Envoy both by send.
    ("socket: replies to clients; in Envoy records, too", r"sys_sendto"),
    ("socket: records to Redis", r"tcp_sendmsg|sys_write|ksys_write|do_writev"),
    ("wait: epoll, wake-ups", r"epoll|schedule|futex|eventfd"),
]
# By the function itself.
OURS = [
    ("TLS", r"rustls|aws_lc|aes_|gcm|tokio_rustls|EVP_|AEAD"),
    ("policy", r"policy::"),
    ("decode, look up", r"wire::decode|command::|wire::number|Request"),
    ("replies kept for outages", r"memory::replies|quick_cache|foldhash"),
    ("lane: queue, batch, replies", r"upstream::|wire::scan"),
    ("session: dispatch, order", r"session::|routing::|worker::"),
    ("metrics, notes, clock", r"telemetry::|clock_gettime|vdso|Timespec|Instant"),
    ("runtime: tasks, readiness", r"tokio::|mio::|epoll_wait|core::task"),
    ("memory: copies, allocations", r"memmove|memcpy|memset|memcmp|malloc|free|alloc|bytes::"),
    ("system calls, their way in and out", r"__send|__recv|recv|send|writev|readv|syscall|pthread"),
]
ENVOY = [("TLS", r"bssl|SSL_|aes|gcm|EVP_|AEAD|Ssl|TransportSockets"), ("its own code, and what has no name", r".")]


def table(stand, sidecar, options):
    """A markdown table of µs a command by part, with GET of 50 clients."""
    if not shutil.which("perf"):
        raise Trouble("perf is missing: apt-get install linux-perf")
    targets = [sidecar, *filter(None, [stand.envoy()])]
    found = [profile(stand, target, OURS if target is sidecar else ENVOY, options) for target in targets]
    order = [*KERNEL, ("the rest of the kernel", ""), *OURS, *ENVOY, ("other", "")]
    names = list(dict.fromkeys(name for name, _ in order))
    lines = ["| part | " + " | ".join(target.name for target in targets) + " |", "|---|" + "---:|" * len(targets)]
    for name in names:
        if any(name in parts for parts in found):
            cells = (f"{parts[name]:.2f}" if name in parts else "" for parts in found)
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    sums = (f"**{sum(parts.values()):.1f}**" for parts in found)
    return "\n".join([*lines, "| all, µs of CPU a GET, 50 clients | " + " | ".join(sums) + " |"])


def profile(stand, target, users, options):
    """µs of CPU a command, by part."""
    arguments = f"-r {KEYS} -d {VALUE_BYTES} -t get -c 50"
    requests = REQUESTS // (10 if options.quick else 1)
    measure(stand, target, arguments, requests // 10)
    data = stand.folder / f"{target.name}.perf"
    record = ["perf", "record", "-q", "-g", "-F", "4000", "-p", str(target.pid), "-o", str(data)]
    print(f"parts: {target.name}", file=sys.stderr)
    perf = subprocess.Popen(record, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        run = measure(stand, target, arguments, requests)
    finally:
        perf.send_signal(2)
        _, said = perf.communicate()
    script = ["perf", "script", "-i", str(data), "-F", "ip,sym,dso"]
    done = subprocess.run(script, capture_output=True, text=True, errors="replace", check=False)
    samples = [sample.strip().splitlines() for sample in done.stdout.split("\n\n") if sample.strip()]
    if not samples:
        raise Trouble(f"perf has recorded nothing: {said or done.stderr}")
    counts = {}
    for stack in samples:
        name = part(stack, users)
        counts[name] = counts.get(name, 0) + 1
    return {name: run.own_cpu * count / len(samples) for name, count in counts.items()}


def part(stack, users):
    top = stack[0]
    if "kernel" in top or "[k]" in top or re.search(r"\(\[.*\]\)$", top) and "vdso" not in top:
        whole = "\n".join(line for line in stack if "kernel" in line)
        return next((name for name, pattern in KERNEL if re.search(pattern, whole)), "the rest of the kernel")
    return next((name for name, pattern in users if re.search(pattern, top)), "other")
