// What goes from one part of an app to another: pub/sub, job queues.
import assert from 'node:assert/strict';
import { eventually } from '../trial.js';

/** SUBSCRIBE and PSUBSCRIBE once; PUBLISH before and after the outage, with no word to the subscriber. */
export async function pubSub({ client, connect, trial }) {
  const sent = trial.ledger();
  const [heard, byPattern] = [[], []];
  const subscriber = await connect();
  await subscriber.subscribe('odds', (message) => heard.push(Number(message)));
  await subscriber.pSubscribe('od?s', (message) => byPattern.push(Number(message)));
  const publish = (n) => sent.write(n, () => client.publish('odds', String(n)));
  let last = -1;
  await trial.work(async (n) => {
    last = n;
    await publish(n);
    if (n === 9) await eventually('the first ten are heard', () => heard.length === 10);
  }, { hands: 1 });
  const from = last + 1;
  await eventually('it is heard again', async () => {
    await publish(++last);
    return heard.at(-1) >= from && byPattern.at(-1) >= from;
  });
  const again = Math.max(...[heard, byPattern].map((all) => all.find((n) => n >= from)));
  for (let more = 0; more < 10; more += 1) await publish(++last);
  for (const all of [heard, byPattern]) {
    await eventually('all that follow are heard', () => all.at(-1) === last);
    assert.deepEqual(all, [...new Set(all)].sort((a, b) => a - b), 'in order, and once');
    assert.deepEqual(all.filter((n) => n >= again).length, last - again + 1);
  }
  await subscriber.unsubscribe('odds');
}

/** LPUSH and BRPOPLPUSH: a worker that may die keeps each job in a list of its own until it is done. */
export async function reliableQueue({ client, connect, trial }) {
  const added = trial.ledger();
  const taken = trial.ledger();
  const done = [];
  const worker = await connect();
  const take = () => worker.brPopLPush('mails', 'mails:taken', 1);
  await trial.work(async (n) => {
    await added.write(`mail ${n}`, () => client.lPush('mails', `mail ${n}`));
    const mail = await taken.write(`take ${n}`, take);
    if (mail === null) return;
    done.push(mail);
    assert.equal(await client.lRem('mails:taken', 1, mail), 1);
  }, { hands: 1 });
  for (let mail; (mail = await take()) !== null; ) done.push(mail);
  const left = await client.lRange('mails:taken', 0, -1);
  await added.check((mail) => done.includes(mail) || left.includes(mail));
  assert.equal(new Set(done).size, done.length, 'a mail was sent twice');
}

/** RPUSH and BLPOP: as simple as a queue can be; what is taken by a lost reply is lost. */
export async function plainQueue({ client, connect, trial }) {
  const added = trial.ledger();
  const taken = trial.ledger();
  const done = [];
  const worker = await connect();
  await trial.work(async (n) => {
    await added.write(String(n), () => client.rPush('clicks', String(n)));
    const { element } = (await taken.write(n, () => worker.blPop('clicks', 1))) ?? {};
    if (element !== undefined) done.push(element);
  }, { hands: 1 });
  for (let click; (click = await worker.blPop('clicks', 1)); ) done.push(click.element);
  const lost = [...added.acknowledged].filter((n) => !done.includes(n));
  assert.ok(lost.length <= taken.uncertain.size, `${lost} were lost, uncertain: ${taken.uncertain.size}`);
  assert.deepEqual(done.filter((n) => added.refused.has(n)), []);
  assert.equal(new Set(done).size, done.length, 'a click was counted twice');
}
