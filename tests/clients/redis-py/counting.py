"""What is counted and ranked: usage, leaderboards."""


async def usage(trial, redis):
    """INCR, and EXPIRE with the first: how often each of five customers called today."""
    calls = trial.ledger()

    async def step(n):
        key = f"usage:{n % 5}"
        count = await calls.write(n, redis.incr(key))
        if count == 1:
            assert await redis.expire(key, 86_400)
        assert int(await redis.get(key)) >= count

    await trial.work(step)
    for customer in range(5):
        least = sum(n % 5 == customer for n in calls.acknowledged)
        most = least + sum(n % 5 == customer for n in calls.uncertain)
        assert least <= int(await redis.get(f"usage:{customer}")) <= most
        assert await redis.ttl(f"usage:{customer}") > 0


async def leaderboard(trial, redis):
    """ZADD, ZINCRBY, ZREVRANGE, ZREVRANK, ZRANK, ZSCORE: the best players."""
    scores, key = trial.ledger(), "leaderboard"

    async def step(n):
        player, small = f"player {n}", f"leaderboard:{n}"
        await scores.write(n, redis.zadd(key, {player: n}))
        assert await redis.zscore(key, player) == n
        assert await redis.zadd(small, {"ann": 10, "bob": 30, "cy": 20}) == 3
        assert await redis.zincrby(small, 25, "ann") == 35
        best = await redis.zrevrange(small, 0, 1, withscores=True)
        assert [tuple(entry) for entry in best] == [("ann", 35), ("bob", 30)]
        assert await redis.zrevrank(small, "cy") == 2
        assert await redis.zrank(small, "nobody") is None

    await trial.work(step)
    ranking = [int(player.split()[1]) for player in await redis.zrevrange(key, 0, -1)]
    assert ranking == sorted(ranking, reverse=True)
    await scores.check(lambda n: n in ranking)
    for rank, n in enumerate(ranking[:10]):
        assert await redis.zrevrank(key, f"player {n}") == rank
        assert await redis.zrank(key, f"player {n}") == len(ranking) - 1 - rank
