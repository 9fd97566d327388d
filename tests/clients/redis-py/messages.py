"""What goes from one part of an app to another: pub/sub, job queues."""

import asyncio

from trial import eventually


async def pub_sub(trial, redis):
    """SUBSCRIBE and PSUBSCRIBE once; PUBLISH before and after the outage, with no word to the subscriber."""
    sent, heard, by_pattern, confirmed = trial.ledger(), [], [], []

    async def listen(subscriber):
        async for message in subscriber.listen():
            if message["type"] == "message":
                heard.append(int(message["data"]))
            if message["type"] == "pmessage":
                by_pattern.append(int(message["data"]))
            if message["type"] in ("subscribe", "psubscribe"):
                confirmed.append(message["channel"])

    async def publish():
        n = len(sent.acknowledged | sent.uncertain | sent.refused)
        await sent.write(n, redis.publish("odds", n))
        return n

    async def step(_):
        if await publish() == 9:
            await eventually("the first ten are heard", lambda: len(heard) == 10)

    def are_confirmed():
        if listening.done():
            listening.result()
        return len(confirmed) == 2

    async def is_heard_again():
        await publish()
        return all(every and every[-1] >= start for every in (heard, by_pattern))

    async with redis.pubsub() as subscriber:
        await subscriber.subscribe("odds")
        await subscriber.psubscribe("od?s")
        listening = asyncio.create_task(listen(subscriber))
        await eventually("both are confirmed", are_confirmed)
        await trial.work(step, hands=1)
        start = await publish()
        await eventually("it is heard again", is_heard_again)
        again = max(min(n for n in every if n >= start) for every in (heard, by_pattern))
        for _ in range(10):
            last = await publish()
        for every in (heard, by_pattern):
            await eventually("all that follow are heard", lambda: every[-1] == last)
            assert every == sorted(set(every)), "in order, and once"
            assert [n for n in every if n >= again] == list(range(again, last + 1))
        listening.cancel()


async def reliable_queue(trial, redis):
    """LPUSH and BRPOPLPUSH: a worker that may die keeps each job in a list of its own until it is done."""
    added, taken, done = trial.ledger(), trial.ledger(), []

    def take():
        return redis.brpoplpush("mails", "mails:taken", timeout=1)

    async def step(n):
        await added.write(f"mail {n}", redis.lpush("mails", f"mail {n}"))
        if (mail := await taken.write(n, take())) is not None:
            done.append(mail)
            assert await redis.lrem("mails:taken", 1, mail) == 1

    await trial.work(step, hands=1)
    while (mail := await take()) is not None:
        done.append(mail)
    left = await redis.lrange("mails:taken", 0, -1)
    await added.check(lambda mail: mail in done or mail in left)
    assert len(set(done)) == len(done), "a mail was sent twice"


async def plain_queue(trial, redis):
    """RPUSH and BLPOP: as simple as a queue can be; what is taken by a lost reply is lost."""
    added, taken, done = trial.ledger(), trial.ledger(), []

    async def step(n):
        await added.write(str(n), redis.rpush("clicks", n))
        if (entry := await taken.write(n, redis.blpop("clicks", timeout=1))) is not None:
            done.append(entry[1])

    await trial.work(step, hands=1)
    while (entry := await redis.blpop("clicks", timeout=1)) is not None:
        done.append(entry[1])
    lost = added.acknowledged - set(done)
    assert len(lost) <= len(taken.uncertain), f"{lost} were lost, uncertain: {taken.uncertain}"
    assert not added.refused & set(done)
    assert len(set(done)) == len(done), "a click was counted twice"
