"""What an app keeps of its users: sessions, profiles, favourites."""

import json


async def sessions(trial, redis):
    """SETEX, GET, TTL, DEL: a session each, and every third logs out."""
    logins, logouts = trial.ledger(), trial.ledger()

    async def step(n):
        key, session = f"session:{n}", json.dumps({"user": n, "roles": ["player"]})
        await logins.write(n, redis.setex(key, 600, session))
        assert await redis.get(key) == session
        assert 590 < await redis.ttl(key) <= 600
        if n % 3 == 0:
            assert await logouts.write(n, redis.delete(key)) == 1
            assert await redis.get(key) is None

    async def look(n):
        is_there = await redis.exists(f"session:{n}")
        assert not (is_there and n in logouts.acknowledged), f"session {n} is logged out"
        return is_there or n in logouts.acknowledged or n in logouts.uncertain

    await trial.work(step)
    await logins.check(look)


async def profiles(trial, redis):
    """HSET, HGETALL, HINCRBY, HDEL: a profile each."""
    created, visits = trial.ledger(), trial.ledger()

    async def step(n):
        key = f"profile:{n}"
        fields = {"name": f"Zoë {n}", "plan": "free", "draft": "1"}
        await created.write(n, redis.hset(key, mapping=fields))
        assert await visits.write(n, redis.hincrby(key, "visits", 1)) == 1
        assert await redis.hdel(key, "draft") == 1
        assert await redis.hgetall(key) == {"name": f"Zoë {n}", "plan": "free", "visits": "1"}
        assert await redis.hmget(key, "plan", "none") == ["free", None]

    async def is_created(n):
        return await redis.hget(f"profile:{n}", "name") == f"Zoë {n}"

    async def is_visited(n):
        return await redis.hget(f"profile:{n}", "visits") == "1"

    await trial.work(step)
    await created.check(is_created)
    await visits.check(is_visited)


async def favourites(trial, redis):
    """SADD, SREM, SISMEMBER, SMEMBERS, SINTER: what each user likes."""
    liked = trial.ledger()

    async def step(n):
        mine, theirs = f"favourites:{n}", f"favourites:{n}:friend"
        await liked.write(n, redis.sadd(mine, "arsenal", "bremen", "celtic"))
        assert await redis.sadd(theirs, "bremen", "dortmund") == 2
        assert await redis.sadd(mine, "celtic") == 0
        assert await redis.srem(mine, "arsenal") == 1
        assert not await redis.sismember(mine, "arsenal")
        assert set(await redis.smembers(mine)) == {"bremen", "celtic"}
        assert set(await redis.sinter(mine, theirs)) == {"bremen"}

    await trial.work(step)
    await liked.check(lambda n: redis.sismember(f"favourites:{n}", "celtic"))
