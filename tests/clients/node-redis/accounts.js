// What an app keeps of its users: sessions, profiles, favourites.
import assert from 'node:assert/strict';

/** SETEX, GET, TTL, DEL: a session each, and every third logs out. */
export async function sessions({ client, trial }) {
  const logins = trial.ledger();
  const logouts = trial.ledger();
  await trial.work(async (n) => {
    const key = `session:${n}`;
    const session = JSON.stringify({ user: n, roles: ['player'] });
    await logins.write(n, () => client.setEx(key, 600, session));
    assert.equal(await client.get(key), session);
    const seconds = await client.ttl(key);
    assert.ok(seconds > 590 && seconds <= 600, `TTL ${seconds}`);
    if (n % 3 === 0) {
      assert.equal(await logouts.write(n, () => client.del(key)), 1);
      assert.equal(await client.get(key), null);
    }
  });
  await logins.check(async (n) => {
    const isThere = await client.exists(`session:${n}`);
    if (logouts.acknowledged.has(n)) assert.equal(isThere, 0, `session ${n} is logged out`);
    return logouts.acknowledged.has(n) || logouts.uncertain.has(n) || isThere === 1;
  });
}

/** HSET, HGETALL, HINCRBY, HDEL: a profile each. */
export async function profiles({ client, trial }) {
  const created = trial.ledger();
  const visits = trial.ledger();
  await trial.work(async (n) => {
    const key = `profile:${n}`;
    await created.write(n, () => client.hSet(key, { name: `Zoë ${n}`, plan: 'free', draft: '1' }));
    assert.equal(await visits.write(n, () => client.hIncrBy(key, 'visits', 1)), 1);
    assert.equal(await client.hDel(key, 'draft'), 1);
    assert.deepEqual({ ...(await client.hGetAll(key)) }, { name: `Zoë ${n}`, plan: 'free', visits: '1' });
    assert.deepEqual(await client.hmGet(key, ['plan', 'none']), ['free', null]);
  });
  await created.check(async (n) => (await client.hGet(`profile:${n}`, 'name')) === `Zoë ${n}`);
  await visits.check(async (n) => (await client.hGet(`profile:${n}`, 'visits')) === '1');
}

/** SADD, SREM, SISMEMBER, SMEMBERS, SINTER: what each user likes. */
export async function favourites({ client, trial }) {
  const liked = trial.ledger();
  await trial.work(async (n) => {
    const [mine, theirs] = [`favourites:${n}`, `favourites:${n}:friend`];
    await liked.write(n, () => client.sAdd(mine, ['arsenal', 'bremen', 'celtic']));
    assert.equal(await client.sAdd(theirs, ['bremen', 'dortmund']), 2);
    assert.equal(await client.sAdd(mine, 'celtic'), 0);
    assert.equal(await client.sRem(mine, 'arsenal'), 1);
    assert.equal(await client.sIsMember(mine, 'arsenal'), 0);
    assert.deepEqual((await client.sMembers(mine)).sort(), ['bremen', 'celtic']);
    assert.deepEqual(await client.sInter([mine, theirs]), ['bremen']);
  });
  await liked.check(async (n) => (await client.sIsMember(`favourites:${n}`, 'celtic')) === 1);
}
