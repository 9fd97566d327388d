// What is counted and ranked: usage, leaderboards.
import assert from 'node:assert/strict';

/** INCR, and EXPIRE with the first: how often each of five customers called today. */
export async function usage({ redis, trial }) {
  const calls = trial.ledger();
  await trial.work(async (n) => {
    const key = `usage:${n % 5}`;
    const count = await calls.write(n, () => redis.incr(key));
    if (count === 1) assert.equal(await redis.expire(key, 86_400), 1);
    assert.ok(Number(await redis.get(key)) >= count);
  });
  for (let customer = 0; customer < 5; customer += 1) {
    const of = (entries) => [...entries].filter((n) => n % 5 === customer).length;
    const [least, count] = [of(calls.acknowledged), Number(await redis.get(`usage:${customer}`))];
    assert.ok(least <= count && count <= least + of(calls.uncertain), `${count}, acknowledged ${least}`);
    assert.ok((await redis.ttl(`usage:${customer}`)) > 0);
  }
}

/** ZADD, ZINCRBY, ZREVRANGE, ZREVRANK, ZRANK, ZSCORE: the best players. */
export async function leaderboard({ redis, trial }) {
  const scores = trial.ledger();
  const key = 'leaderboard';
  await trial.work(async (n) => {
    const player = `player ${n}`;
    await scores.write(n, () => redis.zadd(key, n, player));
    assert.equal(await redis.zscore(key, player), String(n));
    assert.equal(await redis.zadd(`${key}:${n}`, 10, 'ann', 30, 'bob', 20, 'cy'), 3);
    assert.equal(await redis.zincrby(`${key}:${n}`, 25, 'ann'), '35');
    assert.deepEqual(await redis.zrevrange(`${key}:${n}`, 0, 1, 'WITHSCORES'), ['ann', '35', 'bob', '30']);
    assert.equal(await redis.zrevrank(`${key}:${n}`, 'cy'), 2);
    assert.equal(await redis.zrank(`${key}:${n}`, 'nobody'), null);
  });
  const ranking = (await redis.zrevrange(key, 0, -1)).map((player) => Number(player.split(' ')[1]));
  assert.deepEqual(ranking, [...ranking].sort((a, b) => b - a));
  await scores.check((n) => ranking.includes(n));
  for (const [rank, n] of ranking.slice(0, 10).entries()) {
    assert.equal(await redis.zrevrank(key, `player ${n}`), rank);
    assert.equal(await redis.zrank(key, `player ${n}`), ranking.length - 1 - rank);
  }
}
