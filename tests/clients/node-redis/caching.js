// What can be made again: a cache whose entries have tags, and keys that are dropped by their prefix.
import assert from 'node:assert/strict';

/** MULTI with SET and SADD to store, SMEMBERS and DEL to invalidate all that has a tag. */
export async function taggedCache({ client, trial }) {
  const stored = trial.ledger();
  const expiration = { type: 'EX', value: 300 };
  await trial.work(async (n) => {
    const [key, tag] = [`cache:page:${n}`, `cache:tag:${n}`];
    const store = () =>
      client.multi().set(key, `page ${n}`, { expiration }).sAdd(tag, key).expire(tag, 300).exec();
    assert.deepEqual(await stored.write(n, store), ['OK', 1, 1]);
    assert.equal(await client.get(key), `page ${n}`);
    if (n % 2 === 0) {
      assert.equal(await client.del([...(await client.sMembers(tag)), tag]), 2);
      assert.equal(await client.get(key), null);
    }
  });
  await stored.check(async (n) => {
    const [pages, tags] = [await client.exists(`cache:page:${n}`), await client.sCard(`cache:tag:${n}`)];
    assert.equal(pages, tags, `page ${n} and its tag are stored and dropped together`);
    return pages === 1 || (n % 2 === 0 && stored.acknowledged.has(n));
  });
}

/** MSET to fill, a SCAN iterator with MATCH to find, UNLINK to drop. */
export async function dropByPrefix({ client, trial }) {
  const filled = trial.ledger();
  const find = async (n) => {
    const found = new Set();
    for await (const keys of client.scanIterator({ MATCH: `report:${n}:*`, COUNT: 500 })) {
      keys.forEach((key) => found.add(key));
    }
    return [...found].sort();
  };
  await trial.work(async (n) => {
    const keys = ['a', 'b', 'c', 'd', 'e'].map((part) => `report:${n}:${part}`);
    await filled.write(n, () => client.mSet(keys.map((key) => [key, 'x'])));
    const found = await find(n);
    assert.deepEqual(found, trial.hasRestart ? keys.filter((key) => found.includes(key)) : keys);
    if (n % 2 === 0) {
      assert.equal(await client.unlink(keys), 5);
      assert.deepEqual(await find(n), []);
    }
  }, { hands: 1 });
  await filled.check(async (n) => {
    const values = await client.mGet([`report:${n}:a`, `report:${n}:e`]);
    const count = values.filter((value) => value === 'x').length;
    assert.ok(count !== 1, 'MSET is whole');
    return count === 2 || (n % 2 === 0 && filled.acknowledged.has(n));
  });
}
