"""A queue of tasks with Celery: the app that both sides import."""

# snippet: app
import os

from celery import Celery
from redis import ConnectionError
from redis._parsers import BaseParser

# Else a worker ends when the reply it waits for is lost with the upstream: it takes the error for a fault of its own.
BaseParser.EXCEPTION_CLASSES["UNAVAILABLE"] = ConnectionError

URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")

app = Celery("work", broker=URL, backend=URL)
app.conf.broker_connection_retry_on_startup = True
# end


@app.task
def double(number):
    return 2 * number
