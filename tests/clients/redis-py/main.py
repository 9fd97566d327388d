"""All that an app does with redis-py."""

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from accounts import favourites, profiles, sessions
from caching import drop_by_prefix, tagged_cache
from connect import connect
from counting import leaderboard, usage
from messages import plain_queue, pub_sub, reliable_queue
from money import bet_slips, payments
from trial import run

SCENARIOS = [
    sessions, profiles, favourites, payments, bet_slips, usage, leaderboard, tagged_cache, drop_by_prefix,
    pub_sub, reliable_queue, plain_queue,
]


async def main():
    await run(SCENARIOS, connect())


asyncio.run(main())
