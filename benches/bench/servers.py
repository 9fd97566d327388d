"""What is measured: a redis-server with TLS 1.3, a plain port and a password, the sidecar and Envoy in front of it.

Everything is started on free ports in a folder of its own, and stopped by its pid, on Ctrl-C too.
"""

import contextlib
import csv
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections import namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = {"redis-server": "redis-server", "redis-benchmark": "redis-tools", "openssl": "openssl"}
KEYS, VALUE_BYTES = 100_000, 64
# One cipher on all ways, so that all do the same work for each byte.
CIPHER = "TLS_AES_256_GCM_SHA384"
# redis-benchmark's key names; with every key there, each GET has a value to carry.
FILL = """
for i = 0, ARGV[1] - 1 do
    redis.call('SET', string.format('key:%012d', i), string.rep('x', ARGV[2]))
    if i < 1000 then redis.call('SET', string.format('16k:%012d', i), string.rep('x', 16384)) end
end
redis.call('SET', 'key:__rand_int__', string.rep('x', ARGV[2]))
for i = 0, 99 do redis.call('RPUSH', 'list', string.rep('x', ARGV[2])) end
return redis.call('SET', 'filled', 'yes')
"""


class Target(namedtuple("Target", "name port options process log", defaults=[None, None])):
    """What redis-benchmark is pointed at, and the process behind it where that is not Redis itself."""

    @property
    def pid(self):
        return self.process and self.process.pid


Run = namedtuple("Run", "per_second p50 p99 own_cpu redis_cpu")


class Trouble(Exception):
    """What ends the run, in words for whoever started it."""


class Stand:
    """The servers, for as long as the `with` lasts."""

    def __init__(self):
        for program, package in PACKAGES.items():
            if not shutil.which(program):
                raise Trouble(f"{program} is missing: apt-get install {package}")
        self.stack = contextlib.ExitStack()
        self.count = 0

    def __enter__(self):
        made = tempfile.TemporaryDirectory(prefix="redis-sidecar-bench-")
        self.folder = Path(self.stack.enter_context(made))
        self.password = secrets.token_hex(16)
        try:
            self.authority = make_certificates(self.folder)
            self.redis, self.tls_port, self.plain_port = self.start_redis()
            benchmark(self.plain, ["-c", "1", "-n", "1", "EVAL", FILL, "0", str(KEYS), str(VALUE_BYTES)])
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()

    @property
    def plain(self):
        return Target("straight plain", self.plain_port, ["-a", self.password])

    @property
    def tls(self):
        options = ["--tls", "--cacert", str(self.authority), "-a", self.password]
        return Target("straight TLS", self.tls_port, options)

    def start_redis(self):
        """Returns the process, its TLS port and its plain port."""
        tls_port, plain_port = free_port(), free_port()
        (self.folder / "redis.conf").write_text(
            f'bind 127.0.0.1\ntls-port {tls_port}\nport {plain_port}\nrequirepass {self.password}\nsave ""\n'
            "tls-cert-file server.pem\ntls-key-file server.key\ntls-ca-cert-file ca.pem\n"
            f"tls-auth-clients no\ntls-protocols TLSv1.3\ntls-ciphersuites {CIPHER}\n"
        )
        process, log = self.start("redis-server", ["redis-server", "redis.conf"])
        wait_until(lambda: answers(tls_port, b"", b""), process, log)
        return process, tls_port, plain_port

    def sidecar(self, command, name="sidecar", is_plain=False, settings=None):
        """The sidecar as a target, once a GET comes back from Redis through it."""
        port = free_port()
        scheme, upstream = ("redis", self.plain_port) if is_plain else ("rediss", self.tls_port)
        # Nothing of the caller's REDIS_URL and the like, and no ./config.yaml, may slip in.
        environment = {
            "SIDECAR_LISTEN": f"127.0.0.1:{port}",
            "SIDECAR_ADMIN": "off",
            "REDIS_URL": f"{scheme}://:{self.password}@127.0.0.1:{upstream}",
            "REDIS_CA_FILE": str(self.authority),
            **(settings or {}),
        }
        process, log = self.start(name, [str(part) for part in command], environment)
        # Under valgrind it takes long to come up.
        wait_until(lambda: answers(port, b"GET filled\r\n", b"$3\r\nyes\r\n"), process, log, 120)
        return Target(name, port, [], process, log)

    def envoy(self):
        """Envoy's redis_proxy, one worker, over TLS, as a target; None where there is no Envoy."""
        program = shutil.which("envoy")
        if not program or subprocess.run([program, "--version"], capture_output=True, check=False).returncode:
            return None
        port = free_port()
        (self.folder / "envoy.json").write_text(json.dumps(self.envoy_settings(port)))
        command = [program, "-c", "envoy.json", "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
        process, log = self.start("envoy", command, dict(os.environ))
        wait_until(lambda: answers(port, GET_FILLED, b"$3\r\nyes\r\n"), process, log, 60)
        return Target("Envoy", port, [], process, log)

    def envoy_settings(self, port):
        types = "type.googleapis.com/envoy.extensions."
        address = lambda number: {"socket_address": {"address": "127.0.0.1", "port_value": number}}
        proxy = {
            "@type": types + "filters.network.redis_proxy.v3.RedisProxy",
            "stat_prefix": "redis",
            "settings": {"op_timeout": "5s"},
            "prefix_routes": {"catch_all_route": {"cluster": "redis"}},
        }
        tls = {
            "@type": types + "transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": "localhost",
            "common_tls_context": {
                "tls_params": {"tls_maximum_protocol_version": "TLSv1_3"},
                "validation_context": {"trusted_ca": {"filename": str(self.authority)}},
            },
        }
        login = {
            "@type": types + "filters.network.redis_proxy.v3.RedisProtocolOptions",
            "auth_password": {"inline_string": self.password},
        }
        filters = [{"name": "envoy.filters.network.redis_proxy", "typed_config": proxy}]
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(self.tls_port)}}]}]
        cluster = {
            "name": "redis",
            "type": "STATIC",
            "load_assignment": {"cluster_name": "redis", "endpoints": endpoints},
            "typed_extension_protocol_options": {"envoy.filters.network.redis_proxy": login},
            "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": tls},
        }
        listener = {"name": "redis", "address": address(port), "filter_chains": [{"filters": filters}]}
        return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}

    def start(self, name, command, environment=None):
        self.count += 1
        log = self.folder / f"{name}-{self.count}.log"
        with open(log, "wb") as file:
            # A session of its own: Ctrl-C reaches this script alone, which then stops them in order.
            kept = {"cwd": self.folder, "env": environment, "start_new_session": True}
            process = subprocess.Popen(command, stdout=file, stderr=file, **kept)
        self.stack.callback(stop, process)
        return process, log

    def statistics(self):
        """Redis's own counts: commands that it ran, keys that it did not find."""
        with socket.create_connection(("127.0.0.1", self.plain_port), timeout=5) as connection:
            connection.sendall(f"AUTH {self.password}\r\nINFO stats\r\nQUIT\r\n".encode())
            lines = connection.makefile().read().splitlines()
        counts = dict(line.split(":", 1) for line in lines if ":" in line)
        return int(counts["total_commands_processed"]), int(counts["keyspace_misses"])


GET_FILLED = b"*2\r\n$3\r\nGET\r\n$6\r\nfilled\r\n"


def measure(stand, target, arguments, requests):
    """One run of redis-benchmark, with what it cost, in µs of CPU a command."""
    pids = [target.pid, stand.redis.pid]
    before, start = [cpu_seconds(pid) for pid in pids], time.monotonic()
    row = benchmark(target, ["-n", str(requests), *arguments.split()])
    if row["rps"] == "inf":  # over within its first millisecond
        row["rps"] = requests / (time.monotonic() - start)
    cpu = [(cpu_seconds(pid) - early) / requests * 1e6 for pid, early in zip(pids, before)]
    return Run(*(float(row[key]) for key in ("rps", "p50_latency_ms", "p99_latency_ms")), *cpu)


def benchmark(target, arguments):
    """Runs redis-benchmark and returns its last line of figures."""
    command = ["redis-benchmark", "-p", str(target.port), *target.options, "--csv", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        # An error reply ends redis-benchmark: fast errors never count as throughput.
        return list(csv.DictReader(done.stdout.splitlines()))[-1]
    except (subprocess.SubprocessError, IndexError) as error:
        said = getattr(error, "stderr", None) or error
        raise Trouble(f"redis-benchmark {' '.join(arguments[-8:])} at {target.name}: {said}") from error


def cpu_seconds(pid):
    """User and system time of all threads of a process, to the nanosecond; nan where it can't be known."""
    try:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except OSError:
        return float("nan")


def memory_kb(pid, line="VmRSS"):
    """Resident memory of a process, or another line of its status."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(text.split()[1]) for text in status.splitlines() if text.startswith(line + ":"))


def built_binary(profile="release"):
    command = ["cargo", "build", "--profile", profile, "--bin", "redis-sidecar"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode != 0:
        raise Trouble(f"{' '.join(command)} failed")
    return ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / profile / "redis-sidecar"


def make_certificates(folder):
    """A CA and a certificate for 127.0.0.1, server.pem and server.key; returns the CA's file."""
    (folder / "openssl.cnf").write_text(
        "[req]\ndistinguished_name=name\n[name]\n"
        "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n"
        "[server]\nbasicConstraints=CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n"
    )
    key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config openssl.cnf"
    for command in (
        f"req -x509 {key} -extensions ca -days 2 -subj /CN=bench-ca -keyout ca.key -out ca.pem",
        f"req -new {key} -subj /CN=localhost -keyout server.key -out server.csr",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
        "-extfile openssl.cnf -extensions server -out server.pem",
    ):
        made = subprocess.run(["openssl", *command.split()], cwd=folder, stderr=subprocess.PIPE, check=False)
        if made.returncode != 0:
            raise Trouble(f"openssl {command}: {made.stderr.decode().strip()}")
    return folder / "ca.pem"


def stop(process):
    # A second Ctrl-C must not leave the other server running.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=60)
    process.kill()  # nothing happens to one that has ended
    process.wait()


def wait_until(is_ready, process, log, seconds=20):
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        if is_ready():
            return
        time.sleep(0.05)
    raise Trouble(f"{process.args[0]} did not come up: {log.read_text(errors='replace')[-1000:]}")


def answers(port, question, expected):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(question)
            return not expected or connection.recv(len(expected), socket.MSG_WAITALL) == expected
    except OSError:
        return False


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
