// How an app sets up node-redis behind the sidecar; docs/clients.md shows these lines.
// snippet: connect
import { createClient } from 'redis';

export async function connect() {
  const client = createClient({
    url: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  });
  client.on('error', (error) => console.error('redis:', error.message));
  return client.connect();
}
// end
