// How an app sets up ioredis behind the sidecar; docs/clients.md shows these lines.
// snippet: connect
import Redis from 'ioredis';

export function connect() {
  const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', {
    enableReadyCheck: false,
    maxRetriesPerRequest: null,
  });
  redis.on('error', (error) => console.error('redis:', error.message));
  return redis;
}
// end
