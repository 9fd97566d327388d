"""What the trials share: work that goes on across an outage, and a book of what each write was answered.

tests/clients.rs reads the lines that this prints, and makes the outage when it is asked to.
"""

import asyncio
import inspect
import itertools
import os
import re
import sys
import time
import traceback

HANDS = 4  # rounds of one scenario that are under way at once
ROUNDS = 20  # of each hand, before the middle and after it


def fate(error):
    """What an error of the sidecar says became of the command; None for any other error."""
    if "may or may not have been applied" in str(error):
        return "uncertain"
    if "Transaction discarded" in str(error):
        return "aborted"
    if re.search("not applied|was not run", str(error)):
        return "refused"
    return None


async def eventually(what, condition):
    """Polls until `condition` holds, and fails with `what` when it does not in time."""
    end = time.monotonic() + 15
    while True:
        holds = condition()
        if inspect.isawaitable(holds):
            holds = await holds
        if holds:
            return
        assert time.monotonic() < end, f"did not come true in time: {what}"
        await asyncio.sleep(0.005)


class Ledger:
    """The writes of a scenario by what became of them."""

    def __init__(self):
        self.acknowledged, self.uncertain = set(), set()
        self.aborted, self.refused = set(), set()  # aborted: transactions of which nothing was applied

    async def write(self, entry, command):
        """Awaits a write, and notes what it was answered; an error is the caller's to see."""
        try:
            reply = await command
        except Exception as error:
            if kind := fate(error):
                getattr(self, kind).add(entry)
            raise
        self.acknowledged.add(entry)
        return reply

    async def check(self, look):
        """Fails on the first entry that is there and must not be, or is not and must."""
        unapplied = self.aborted | self.refused
        for entry in self.acknowledged | self.uncertain | unapplied:
            is_there = look(entry)
            if inspect.isawaitable(is_there):
                is_there = await is_there
            assert is_there or entry not in self.acknowledged, f"{entry} was lost"
            assert not is_there or entry not in unapplied, f"{entry} was applied, though refused"


class Middle:
    """The outage in the middle, for all scenarios of one run at once; over at once where none is made."""

    def __init__(self, expected):
        self.is_made = os.environ.get("OUTAGE") == "yes"
        self.is_over = not self.is_made
        self.expected = expected
        self.there = set()

    def arrive(self, name):
        """A scenario is half through. When the last one is, the outage is asked for."""
        is_new = name not in self.there
        self.there.add(name)
        if is_new and len(self.there) == self.expected and not self.is_over:
            asyncio.get_running_loop().add_reader(sys.stdin, self.end)
            print("outage please", flush=True)

    def end(self):
        sys.stdin.readline()
        asyncio.get_running_loop().remove_reader(sys.stdin)
        self.is_over = True


class Trial:
    """One scenario's view of the trial."""

    def __init__(self, name, middle):
        self.name, self.middle = name, middle
        # A cursor of SCAN means nothing to a Redis that was restarted: keys may be missed then.
        self.has_restart = middle.is_made
        self.interrupted = 0
        self.ledgers = []

    def ledger(self):
        """A new book, counted in the report."""
        self.ledgers.append(Ledger())
        return self.ledgers[-1]

    async def work(self, step, hands=HANDS):
        """Does `step(n)` for n = 0, 1, 2 ... before, across and after the outage, by several hands at once."""
        numbers = itertools.count()

        async def go_on():
            done = 0
            while done < ROUNDS:
                done += await self.attempt(step(next(numbers)))

        async def hand():
            await go_on()
            self.middle.arrive(self.name)
            while not self.middle.is_over:
                await self.attempt(step(next(numbers)))
                await asyncio.sleep(0.002)
            await go_on()

        await asyncio.gather(*(hand() for _ in range(hands)))

    async def attempt(self, step):
        """One round: an app that is told of the outage gives up this request, and serves the next one."""
        try:
            await step
            return 1
        except Exception as error:
            if not fate(error):
                raise
            self.interrupted += 1
            await asyncio.sleep(0.02)
            return 0

    def report(self):
        kinds = ("acknowledged", "uncertain", "aborted", "refused")
        counts = [f"{kind}={sum(len(getattr(book, kind)) for book in self.ledgers)}" for kind in kinds]
        return " ".join([*counts, f"interrupted={self.interrupted}"])


async def run(scenarios, *given):
    """Runs all scenarios at once, each with `given`, and prints a line for each."""
    middle = Middle(len(scenarios))

    async def play(scenario):
        name = scenario.__name__
        trial = Trial(name, middle)
        try:
            await scenario(trial, *given)
            print(f"passed {name} {trial.report()}", flush=True)
        except Exception:
            text = traceback.format_exc().strip().replace("\n", " | ")
            print(f"failed {name} {trial.report()} {text}", flush=True)
        middle.arrive(name)

    await asyncio.gather(*(play(scenario) for scenario in scenarios))
    print("done", flush=True)
