// Where nothing may be lost or done twice: payments, bet slips.
import assert from 'node:assert/strict';

/** SET NX EX as idempotency key: of two clicks at once, and a third one later, one pays. */
export async function payments({ client, trial }) {
  const claims = trial.ledger();
  const booked = trial.ledger();
  const pay = async (n, click) => {
    const options = { condition: 'NX', expiration: { type: 'EX', value: 600 } };
    const claim = () => client.set(`payment:${n}:claim`, click, options);
    if ((await claims.write(`${n} ${click}`, claim)) !== 'OK') return 'paid already';
    const book = () =>
      client.multi().hSet(`payment:${n}`, { by: click, amount: 500 }).expire(`payment:${n}`, 3600).exec();
    assert.deepEqual(await booked.write(n, book), [2, 1]);
    return 'paid';
  };
  await trial.work(async (n) => {
    const clicks = await Promise.all([pay(n, 'first'), pay(n, 'second')]);
    assert.deepEqual(clicks.sort(), ['paid', 'paid already']);
    assert.equal(await pay(n, 'third'), 'paid already');
    assert.ok((await client.ttl(`payment:${n}`)) > 3590);
  });
  await booked.check(async (n) => {
    const { by, amount } = await client.hGetAll(`payment:${n}`);
    if (by !== undefined) assert.equal(await client.get(`payment:${n}:claim`), by);
    return amount === '500';
  });
}

/** RPUSH, LRANGE, LLEN, LREM: each shop's bets, in the order in which they were made. */
export async function betSlips({ client, trial }) {
  const made = trial.ledger();
  await trial.work(async (n) => {
    const [slip, bet] = ['slip', `bet ${n}`];
    const length = await made.write(bet, () => client.rPush(slip, bet));
    assert.ok((await client.lLen(slip)) >= length);
    assert.deepEqual(await client.lRange(slip, length - 1, length - 1), [bet]);
    await client.rPush(`slip:${n}`, ['home', 'draw', 'away']);
    assert.equal(await client.lRem(`slip:${n}`, 1, 'draw'), 1);
    assert.deepEqual(await client.lRange(`slip:${n}`, 0, -1), ['home', 'away']);
  });
  const bets = await client.lRange('slip', 0, -1);
  assert.equal(new Set(bets).size, bets.length, 'a bet was made twice');
  await made.check((bet) => bets.includes(bet));
}
