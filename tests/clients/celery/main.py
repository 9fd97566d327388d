"""Celery at work: tasks are queued before, across and after an outage, and a worker of its own does them."""

import itertools
import os
import re
import select
import subprocess
import sys
import tempfile
import time

from work import double

COUNT = 20  # tasks before the middle, and after it
PATIENCE = 30  # seconds


class Book:
    def __init__(self):
        self.tasks = {}  # by their number, those that were acknowledged
        self.counts = dict.fromkeys(["acknowledged", "uncertain", "aborted", "refused", "interrupted"], 0)

    def queue(self, number):
        try:
            self.tasks[number] = double.apply_async((number,), retry=False)
            self.counts["acknowledged"] += 1
        except Exception as error:
            is_refused = re.search("not applied|was not run", str(error))
            self.counts["refused" if is_refused else "uncertain"] += 1


def outage_is_over(is_made):
    """Asks for one at first, then looks whether the other side has said that it is over."""
    return not is_made or bool(select.select([sys.stdin], [], [], 0.01)[0])


def work(book, worker):
    is_made = os.environ.get("OUTAGE") == "yes"
    numbers = itertools.count()
    for _ in range(COUNT):
        book.queue(next(numbers))
    wait_for(book, worker)
    if is_made:
        print("outage please", flush=True)
    while not outage_is_over(is_made):
        book.queue(next(numbers))
    for _ in range(COUNT):
        book.queue(next(numbers))
    # The worker may have held one whose reply was lost with the connection, as straight to a Redis.
    wait_for(book, worker, missing=1 if is_made else 0)


def wait_for(book, worker, missing=0):
    """Until all that was acknowledged is done, but for so many."""
    end = time.monotonic() + PATIENCE
    while True:
        open_ones = [number for number, task in book.tasks.items() if not task.ready()]
        if len(open_ones) <= missing:
            break
        assert time.monotonic() < end, f"not done: {open_ones}"
        assert worker.poll() is None, "the worker has ended:"
        time.sleep(0.05)
    for number, task in book.tasks.items():
        assert number in open_ones or task.result == 2 * number, f"{number}: {task.result}"


def main():
    book, verdict, error = Book(), "passed", ""
    command = [sys.executable, "-m", "celery", "-A", "work", "worker", "--pool", "solo", "--loglevel", "WARNING"]
    log = tempfile.TemporaryFile("w+")
    here = os.path.dirname(os.path.abspath(__file__))
    worker = subprocess.Popen(command, cwd=here, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        work(book, worker)
    except Exception as fault:
        log.seek(0)
        said = log.read()
        print(said, file=sys.stderr)
        verdict, error = "failed", f"{fault} {said.rstrip()[-300:]}".replace("\n", " ")
    finally:
        worker.kill()
    counts = " ".join(f"{kind}={count}" for kind, count in book.counts.items())
    print(f"{verdict} tasks {counts} {error}".rstrip(), flush=True)
    print("done", flush=True)


main()
