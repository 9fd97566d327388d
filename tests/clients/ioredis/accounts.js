// What an app keeps of its users: sessions, profiles, favourites.
import assert from 'node:assert/strict';

/** SETEX, GET, TTL, DEL: a session each, and every third logs out. */
export async function sessions({ redis, trial }) {
  const logins = trial.ledger();
  const logouts = trial.ledger();
  await trial.work(async (n) => {
    const key = `session:${n}`;
    const session = JSON.stringify({ user: n, roles: ['player'] });
    await logins.write(n, () => redis.setex(key, 600, session));
    assert.equal(await redis.get(key), session);
    const seconds = await redis.ttl(key);
    assert.ok(seconds > 590 && seconds <= 600, `TTL ${seconds}`);
    if (n % 3 === 0) {
      assert.equal(await logouts.write(n, () => redis.del(key)), 1);
      assert.equal(await redis.get(key), null);
    }
  });
  await logins.check(async (n) => {
    const isThere = await redis.exists(`session:${n}`);
    if (logouts.acknowledged.has(n)) assert.equal(isThere, 0, `session ${n} is logged out`);
    return logouts.acknowledged.has(n) || logouts.uncertain.has(n) || isThere === 1;
  });
}

/** HSET, HGETALL, HINCRBY, HDEL: a profile each. */
export async function profiles({ redis, trial }) {
  const created = trial.ledger();
  const visits = trial.ledger();
  await trial.work(async (n) => {
    const key = `profile:${n}`;
    await created.write(n, () => redis.hset(key, { name: `Zoë ${n}`, plan: 'free', draft: '1' }));
    assert.equal(await visits.write(n, () => redis.hincrby(key, 'visits', 1)), 1);
    assert.equal(await redis.hdel(key, 'draft'), 1);
    assert.deepEqual(await redis.hgetall(key), { name: `Zoë ${n}`, plan: 'free', visits: '1' });
    assert.deepEqual(await redis.hmget(key, 'plan', 'none'), ['free', null]);
  });
  await created.check(async (n) => (await redis.hget(`profile:${n}`, 'name')) === `Zoë ${n}`);
  await visits.check(async (n) => (await redis.hget(`profile:${n}`, 'visits')) === '1');
}

/** SADD, SREM, SISMEMBER, SMEMBERS, SINTER: what each user likes. */
export async function favourites({ redis, trial }) {
  const liked = trial.ledger();
  await trial.work(async (n) => {
    const [mine, theirs] = [`favourites:${n}`, `favourites:${n}:friend`];
    await liked.write(n, () => redis.sadd(mine, 'arsenal', 'bremen', 'celtic'));
    assert.equal(await redis.sadd(theirs, 'bremen', 'dortmund'), 2);
    assert.equal(await redis.sadd(mine, 'celtic'), 0);
    assert.equal(await redis.srem(mine, 'arsenal'), 1);
    assert.equal(await redis.sismember(mine, 'arsenal'), 0);
    assert.deepEqual((await redis.smembers(mine)).sort(), ['bremen', 'celtic']);
    assert.deepEqual(await redis.sinter(mine, theirs), ['bremen']);
  });
  await liked.check(async (n) => (await redis.sismember(`favourites:${n}`, 'celtic')) === 1);
}
