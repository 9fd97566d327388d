// How an app sets up rate-limiter-flexible behind the sidecar; docs/clients.md shows these lines.

// snippet: connect
import { RateLimiterRedis } from 'rate-limiter-flexible';

const rule = { keyPrefix: 'login', points: 5, duration: 60, blockDuration: 300 };

export function withIoredis(redis) {
  return new RateLimiterRedis({ ...rule, storeClient: redis });
}

export function withNodeRedis(client) {
  return new RateLimiterRedis({ ...rule, storeClient: client, useRedisPackage: true });
}
// end

