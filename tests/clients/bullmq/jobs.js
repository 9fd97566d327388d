// A job queue: jobs for later, jobs that go first, jobs that fail at first, and all of it across an outage.
// Jobs have ids of the app's own, so that one whose adding is uncertain can be added again.
import assert from 'node:assert/strict';
import { eventually } from '../trial.js';
import { open } from './connect.js';

// A job whose end could not be told is taken up again; after 30 s by default, which is long for a trial.
const SOON = { lockDuration: 2_000, stalledInterval: 1_000 };

/** Opens a queue's parts; what keeps them from being ready, such as a server without scripts, is thrown. */
async function opened(name, handle, options = {}) {
  const parts = open(name, handle, { ...SOON, ...options });
  const failed = new Promise((_, reject) => parts.queue.once('error', reject));
  failed.catch(() => {});
  await Promise.race([failed, Promise.all(Object.values(parts).map((part) => part.waitUntilReady()))]);
  return parts;
}

/** A delayed job runs when its time has come, and not before; one that is removed is gone. */
export async function delays({ trial }) {
  const [asked, ran] = [new Map(), new Map()];
  const added = trial.ledger();
  const { queue } = await opened('delays', async ({ data }) => void ran.set(data, Date.now()));
  await trial.work(async (n) => {
    asked.set(n, Date.now());
    await added.write(n, () => queue.add('job', n, { delay: 100, jobId: `job-${n}` }));
    const never = await queue.add('never', -1, { delay: 60_000 });
    await never.remove();
    assert.equal(await queue.getJob(never.id), undefined);
  }, { rounds: 5 });
  await eventually('all have run', () => [...added.acknowledged].every((n) => ran.has(n)));
  for (const [n, at] of ran) assert.ok(at >= asked.get(n) + 100, `${n} ran ${at - asked.get(n)} ms after it was added`);
  await added.check((n) => ran.has(n));
}

/** Of the jobs that wait, the most urgent is next; those of one priority come in their order. */
export async function priorities({ trial }) {
  const order = [];
  const { queue, worker } = await opened('priorities', async ({ data }) => void order.push(data));
  const waiting = [['low', 10], ['high', 1], ['middle', 5], ['middle too', 5], ['lowest', 99]];
  await trial.work(async (n) => {
    await worker.pause();
    try {
      for (const [job, priority] of waiting) await queue.add('job', `${n} ${job}`, { priority });
    } finally {
      worker.resume();
    }
    const ran = () => order.filter((job) => job.startsWith(`${n} `));
    await eventually('all have run', () => ran().length >= waiting.length);
    assert.deepEqual(ran(), ['high', 'middle', 'middle too', 'low', 'lowest'].map((job) => `${n} ${job}`));
  }, { hands: 1, rounds: 3 });
}

/** A job that fails is tried again after its backoff, as often as it may, and then has failed. */
export async function retries({ trial }) {
  const added = trial.ledger();
  const { queue } = await opened('retries', async ({ attemptsMade, data }) => {
    if (attemptsMade < data.failures) throw new Error(`failure ${attemptsMade + 1}`);
  });
  const add = (jobId, failures) => {
    const options = { jobId, attempts: 3, backoff: { type: 'exponential', delay: 20 } };
    return added.write(jobId, () => queue.add('job', { failures }, options));
  };
  await trial.work(async (n) => {
    await add(`lucky-${n}`, 2);
    await add(`hopeless-${n}`, 9);
  }, { rounds: 5 });
  for (const jobId of added.acknowledged) {
    const end = jobId.startsWith('lucky') ? 'completed' : 'failed';
    await eventually(`${jobId} has ${end}`, async () => (await queue.getJobState(jobId)) === end);
  }
}

/** Jobs are added and done all the time, and an event tells of each; none that was acknowledged is left undone. */
export async function stream({ trial }) {
  const added = trial.ledger();
  const [done, told] = [new Set(), new Set()];
  const handle = async ({ data }) => void done.add(data);
  const { queue, events } = await opened('stream', handle, { concurrency: 4 });
  events.on('completed', ({ jobId }) => told.add(Number(jobId.slice('job-'.length))));
  const add = (n) => added.write(n, () => queue.add('job', n, { jobId: `job-${n}` }));
  await trial.work(async (n) => void (await add(n)));
  for (const n of added.uncertain) await add(n);
  await eventually('all are done', () => [...added.acknowledged].every((n) => done.has(n)));
  await eventually('all are told', () => [...added.acknowledged].every((n) => told.has(n)));
  await added.check((n) => done.has(n));
}
