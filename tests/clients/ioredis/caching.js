// What can be made again: a cache whose entries have tags, and keys that are dropped by their prefix.
import assert from 'node:assert/strict';

/** MULTI with SET and SADD to store, SMEMBERS and DEL to invalidate all that has a tag. */
export async function taggedCache({ redis, trial }) {
  const stored = trial.ledger();
  await trial.work(async (n) => {
    const [key, tag] = [`cache:page:${n}`, `cache:tag:${n}`];
    const store = () => redis.multi().set(key, `page ${n}`, 'EX', 300).sadd(tag, key).expire(tag, 300).exec();
    assert.deepEqual(await stored.write(n, store), [[null, 'OK'], [null, 1], [null, 1]]);
    assert.equal(await redis.get(key), `page ${n}`);
    if (n % 2 === 0) {
      assert.equal(await redis.del(...(await redis.smembers(tag)), tag), 2);
      assert.equal(await redis.get(key), null);
    }
  });
  await stored.check(async (n) => {
    const [pages, tags] = [await redis.exists(`cache:page:${n}`), await redis.scard(`cache:tag:${n}`)];
    assert.equal(pages, tags, `page ${n} and its tag are stored and dropped together`);
    return pages === 1 || (n % 2 === 0 && stored.acknowledged.has(n));
  });
}

/** MSET to fill, a SCAN stream with MATCH to find, UNLINK to drop. */
export async function dropByPrefix({ redis, trial }) {
  const filled = trial.ledger();
  const find = async (n) => {
    const found = new Set();
    for await (const keys of redis.scanStream({ match: `report:${n}:*`, count: 500 })) {
      keys.forEach((key) => found.add(key));
    }
    return [...found].sort();
  };
  await trial.work(async (n) => {
    const keys = ['a', 'b', 'c', 'd', 'e'].map((part) => `report:${n}:${part}`);
    await filled.write(n, () => redis.mset(keys.flatMap((key) => [key, 'x'])));
    const found = await find(n);
    assert.deepEqual(found, trial.hasRestart ? keys.filter((key) => found.includes(key)) : keys);
    if (n % 2 === 0) {
      assert.equal(await redis.unlink(keys), 5);
      assert.deepEqual(await find(n), []);
    }
  }, { hands: 1 });
  await filled.check(async (n) => {
    const count = (await redis.mget(`report:${n}:a`, `report:${n}:e`)).filter((value) => value === 'x').length;
    assert.ok(count !== 1, 'MSET is whole');
    return count === 2 || (n % 2 === 0 && filled.acknowledged.has(n));
  });
}
