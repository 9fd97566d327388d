// A login limiter with rate-limiter-flexible, over ioredis and over node-redis.
import assert from 'node:assert/strict';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { run } from '../trial.js';
import { withIoredis, withNodeRedis } from './connect.js';
import * as ioredis from '../ioredis/connect.js';
import * as nodeRedis from '../node-redis/connect.js';

/** Five attempts a minute, then none for five minutes; a success gives them back. */
async function limitLogins(limiter, prefix, trial) {
  const attempts = trial.ledger();
  const locked = new Set();
  const turnAway = async (user) => {
    const refusal = await limiter.consume(user).then(() => undefined, (error) => error);
    if (!(refusal instanceof RateLimiterRes)) throw refusal ?? new Error(`${user} was let in`);
    assert.ok(refusal.msBeforeNext > 290_000 && refusal.msBeforeNext <= 300_000, `${refusal.msBeforeNext} ms`);
  };
  await trial.work(async (n) => {
    const user = `${prefix}-${n}`;
    for (let left = 4; left >= 0; left -= 1) {
      const { remainingPoints } = await attempts.write(`${user}: ${left}`, () => limiter.consume(user));
      assert.equal(remainingPoints, left);
    }
    await turnAway(user);
    if (n % 2 === 0) {
      assert.equal(await limiter.delete(user), true);
      assert.equal((await limiter.consume(user)).remainingPoints, 4);
    } else {
      locked.add(user);
    }
  });
  await Promise.all([...locked].map(turnAway));
}

const scenarios = {
  loginsOverIoredis: ({ trial }) => limitLogins(withIoredis(ioredis.connect()), 'a', trial),
  loginsOverNodeRedis: async ({ trial }) => limitLogins(withNodeRedis(await nodeRedis.connect()), 'b', trial),
};

run(scenarios);
