// Where nothing may be lost or done twice: payments, bet slips.
import assert from 'node:assert/strict';

/** SET NX EX as idempotency key: of two clicks at once, and a third one later, one pays. */
export async function payments({ redis, trial }) {
  const claims = trial.ledger();
  const booked = trial.ledger();
  const pay = async (n, click) => {
    const claim = () => redis.set(`payment:${n}:claim`, click, 'EX', 600, 'NX');
    if ((await claims.write(`${n} ${click}`, claim)) !== 'OK') return 'paid already';
    const book = () =>
      redis.multi().hset(`payment:${n}`, { by: click, amount: 500 }).expire(`payment:${n}`, 3600).exec();
    assert.deepEqual(await booked.write(n, book), [[null, 2], [null, 1]]);
    return 'paid';
  };
  await trial.work(async (n) => {
    const clicks = await Promise.all([pay(n, 'first'), pay(n, 'second')]);
    assert.deepEqual(clicks.sort(), ['paid', 'paid already']);
    assert.equal(await pay(n, 'third'), 'paid already');
    assert.ok((await redis.ttl(`payment:${n}`)) > 3590);
  });
  await booked.check(async (n) => {
    const { by, amount } = await redis.hgetall(`payment:${n}`);
    if (by !== undefined) assert.equal(await redis.get(`payment:${n}:claim`), by);
    return amount === '500';
  });
}

/** RPUSH, LRANGE, LLEN, LREM: each shop's bets, in the order in which they were made. */
export async function betSlips({ redis, trial }) {
  const made = trial.ledger();
  await trial.work(async (n) => {
    const [slip, bet] = ['slip', `bet ${n}`];
    const length = await made.write(bet, () => redis.rpush(slip, bet));
    assert.ok((await redis.llen(slip)) >= length);
    assert.deepEqual(await redis.lrange(slip, length - 1, length - 1), [bet]);
    await redis.rpush(`slip:${n}`, 'home', 'draw', 'away');
    assert.equal(await redis.lrem(`slip:${n}`, 1, 'draw'), 1);
    assert.deepEqual(await redis.lrange(`slip:${n}`, 0, -1), ['home', 'away']);
  });
  const bets = await redis.lrange('slip', 0, -1);
  assert.equal(new Set(bets).size, bets.length, 'a bet was made twice');
  await made.check((bet) => bets.includes(bet));
}
