// What is counted and ranked: usage, leaderboards.
import assert from 'node:assert/strict';

/** INCR, and EXPIRE with the first: how often each of five customers called today. */
export async function usage({ client, trial }) {
  const calls = trial.ledger();
  await trial.work(async (n) => {
    const key = `usage:${n % 5}`;
    const count = await calls.write(n, () => client.incr(key));
    if (count === 1) assert.equal(await client.expire(key, 86_400), 1);
    assert.ok(Number(await client.get(key)) >= count);
  });
  for (let customer = 0; customer < 5; customer += 1) {
    const of = (entries) => [...entries].filter((n) => n % 5 === customer).length;
    const [least, count] = [of(calls.acknowledged), Number(await client.get(`usage:${customer}`))];
    assert.ok(least <= count && count <= least + of(calls.uncertain), `${count}, acknowledged ${least}`);
    assert.ok((await client.ttl(`usage:${customer}`)) > 0);
  }
}

/** ZADD, ZINCRBY, ZRANGE REV, ZREVRANK, ZRANK, ZSCORE: the best players. */
export async function leaderboard({ client, trial }) {
  const scores = trial.ledger();
  const key = 'leaderboard';
  const three = [{ value: 'ann', score: 10 }, { value: 'bob', score: 30 }, { value: 'cy', score: 20 }];
  const best = [{ value: 'ann', score: 35 }, { value: 'bob', score: 30 }];
  await trial.work(async (n) => {
    const player = `player ${n}`;
    await scores.write(n, () => client.zAdd(key, { value: player, score: n }));
    assert.equal(await client.zScore(key, player), n);
    assert.equal(await client.zAdd(`${key}:${n}`, three), 3);
    assert.equal(await client.zIncrBy(`${key}:${n}`, 25, 'ann'), 35);
    assert.deepEqual(await client.zRangeWithScores(`${key}:${n}`, 0, 1, { REV: true }), best);
    assert.equal(await client.zRevRank(`${key}:${n}`, 'cy'), 2);
    assert.equal(await client.zRank(`${key}:${n}`, 'nobody'), null);
  });
  const ranking = (await client.zRange(key, 0, -1, { REV: true })).map((player) => Number(player.split(' ')[1]));
  assert.deepEqual(ranking, [...ranking].sort((a, b) => b - a));
  await scores.check((n) => ranking.includes(n));
  for (const [rank, n] of ranking.slice(0, 10).entries()) {
    assert.equal(await client.zRevRank(key, `player ${n}`), rank);
    assert.equal(await client.zRank(key, `player ${n}`), ranking.length - 1 - rank);
  }
}
