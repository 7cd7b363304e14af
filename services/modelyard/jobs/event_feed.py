"""The events of jobs as they happen, for watchers: waits in the store, never polls."""

import re

import redis
import redis.asyncio

from modelyard.errors import Unavailable
from modelyard.job_store import PREFIX, StoredEvent, stored_events

WAIT_MS = 10_000
_ID = re.compile(r"\d{1,20}(-\d{1,20})?")


class EventFeed:
    def __init__(self, url: str) -> None:
        self._redis = redis.asyncio.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=2 * WAIT_MS / 1000,  # longer than an answer may take that waits
            socket_connect_timeout=5,
            health_check_interval=10,
        )

    def is_id(self, text: str) -> bool:
        return _ID.fullmatch(text) is not None

    async def after(self, job: str, after: str, *, wait: bool) -> list[StoredEvent]:
        """What happened after an event; if told to wait, empty only if nothing did for a while.

        Raises Unavailable.
        """
        key = f"{PREFIX}events:{job}"
        try:
            answer = await self._redis.xread(
                {key: after}, count=500, block=WAIT_MS if wait else None
            )
        except (redis.ConnectionError, redis.TimeoutError, redis.BusyLoadingError) as error:
            raise Unavailable(f"the job store does not answer: {error}") from error
        return stored_events(answer)

    async def close(self) -> None:
        await self._redis.aclose()
