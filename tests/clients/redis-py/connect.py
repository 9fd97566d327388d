"""How an app sets up redis-py behind the sidecar; docs/clients.md shows these lines."""

# snippet: connect
import os

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff


def connect():
    return Redis.from_url(
        os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"),
        decode_responses=True,
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
    )
# end
