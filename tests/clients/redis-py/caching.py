"""What can be made again: a cache whose entries have tags, and keys that are dropped by their prefix."""


async def tagged_cache(trial, redis):
    """MULTI with SET and SADD to store, SMEMBERS and DEL to invalidate all that has a tag."""
    stored = trial.ledger()

    async def step(n):
        key, tag = f"cache:page:{n}", f"cache:tag:{n}"
        async with redis.pipeline(transaction=True) as store:
            store.set(key, f"page {n}", ex=300).sadd(tag, key).expire(tag, 300)
            assert await stored.write(n, store.execute()) == [True, 1, True]
        assert await redis.get(key) == f"page {n}"
        if n % 2 == 0:
            assert await redis.delete(*await redis.smembers(tag), tag) == 2
            assert await redis.get(key) is None

    async def look(n):
        pages = await redis.exists(f"cache:page:{n}")
        tags = await redis.scard(f"cache:tag:{n}")
        assert pages == tags, f"page {n} and its tag are stored and dropped together"
        return pages or (n % 2 == 0 and n in stored.acknowledged)

    await trial.work(step)
    await stored.check(look)


async def drop_by_prefix(trial, redis):
    """MSET to fill, a SCAN iterator with MATCH to find, UNLINK to drop."""
    filled = trial.ledger()

    async def find(n):
        return sorted({key async for key in redis.scan_iter(match=f"report:{n}:*", count=500)})

    async def step(n):
        keys = [f"report:{n}:{part}" for part in "abcde"]
        await filled.write(n, redis.mset({key: "x" for key in keys}))
        found = await find(n)
        assert found == keys or (trial.has_restart and set(found) < set(keys))
        if n % 2 == 0:
            assert await redis.unlink(*keys) == 5
            assert await find(n) == []

    async def look(n):
        first, last = await redis.mget(f"report:{n}:a", f"report:{n}:e")
        assert first == last, "MSET is whole"
        return first == "x" or (n % 2 == 0 and n in filled.acknowledged)

    await trial.work(step, hands=1)
    await filled.check(look)
