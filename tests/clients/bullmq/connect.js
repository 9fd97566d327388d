// How an app sets up BullMQ behind the sidecar; docs/clients.md shows these lines.
// snippet: connect
import { Queue, QueueEvents, Worker } from 'bullmq';

const connection = {
  url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  maxRetriesPerRequest: null,
  enableReadyCheck: false,
};

export function open(name, handle, options = {}) {
  const queue = new Queue(name, { connection });
  const worker = new Worker(name, handle, { connection, ...options });
  const events = new QueueEvents(name, { connection });
  for (const part of [queue, worker, events]) {
    part.on('error', (error) => console.error(`${name}:`, error.message));
  }
  return { queue, worker, events };
}
// end
