"""Where nothing may be lost or done twice: payments, bet slips."""

import asyncio


async def payments(trial, redis):
    """SET NX EX as idempotency key: of two clicks at once, and a third one later, one pays."""
    claims, booked = trial.ledger(), trial.ledger()

    async def pay(n, click):
        claim = redis.set(f"payment:{n}:claim", click, nx=True, ex=600)
        if not await claims.write((n, click), claim):
            return "paid already"
        async with redis.pipeline(transaction=True) as book:
            book.hset(f"payment:{n}", mapping={"by": click, "amount": 500})
            book.expire(f"payment:{n}", 3600)
            assert await booked.write(n, book.execute()) == [2, True]
        return "paid"

    async def step(n):
        clicks = await asyncio.gather(pay(n, "first"), pay(n, "second"), return_exceptions=True)
        for error in (click for click in clicks if isinstance(click, Exception)):
            raise error
        assert sorted(clicks) == ["paid", "paid already"]
        assert await pay(n, "third") == "paid already"
        assert await redis.ttl(f"payment:{n}") > 3590

    async def look(n):
        payment = await redis.hgetall(f"payment:{n}")
        if payment:
            assert await redis.get(f"payment:{n}:claim") == payment["by"]
        return payment.get("amount") == "500"

    await trial.work(step)
    await booked.check(look)


async def bet_slips(trial, redis):
    """RPUSH, LRANGE, LLEN, LREM: each shop's bets, in the order in which they were made."""
    made = trial.ledger()

    async def step(n):
        bet = f"bet {n}"
        length = await made.write(bet, redis.rpush("slip", bet))
        assert await redis.llen("slip") >= length
        assert await redis.lrange("slip", length - 1, length - 1) == [bet]
        await redis.rpush(f"slip:{n}", "home", "draw", "away")
        assert await redis.lrem(f"slip:{n}", 1, "draw") == 1
        assert await redis.lrange(f"slip:{n}", 0, -1) == ["home", "away"]

    await trial.work(step)
    bets = await redis.lrange("slip", 0, -1)
    assert len(set(bets)) == len(bets), "a bet was made twice"
    await made.check(lambda bet: bet in bets)
