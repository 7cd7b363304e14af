"""The events of jobs as they happen, for any number of watchers over a handful of connections.

One subscription tells which job has news; what is new of it is read once and handed to all who watch it. A
watcher is no more than a position: one that is slow or comes late reads what it missed from the store.

    channel of news ──> dirty jobs ──> one read each ──> the topic's newest frames ──> its watchers
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import redis
import redis.asyncio

from modelyard import logs
from modelyard.errors import Unavailable
from modelyard.job import JobState
from modelyard.job_store import PREFIX

HEARTBEAT_SECONDS = 10.0
"""A silent stream says this often that it is alive; and, in case a word of news was lost, looks itself."""
_AT_ONCE = 200  # events of one read
_RECENT = 64  # frames that a topic keeps; who is further behind reads the store
_TOPICS_AT_ONCE = 100
_CONNECTIONS = 8
_PAUSE_SECONDS = 0.5
_ID = re.compile(r"[0-9]{1,15}(-[0-9]{1,18})?")

log = logs.get(__name__)

Position = tuple[int, int]
START: Position = (0, 0)


def position(text: str) -> Position:
    """Of the Last-Event-ID of a watcher; the start if it is none of ours."""
    if not _ID.fullmatch(text):
        return START
    time, _, number = text.partition("-")
    return int(time), int(number or 0)


@dataclass(frozen=True)
class Frame:
    """One event as it goes over the wire; made once for all watchers."""

    at: Position
    text: bytes
    is_end: bool


@dataclass
class _Topic:
    """A job that is watched. `recent` holds every event after `since`, up to the newest that was read."""

    watchers: int = 0
    since: Position | None = None
    """None before the first read."""
    recent: deque[Frame] = field(default_factory=deque)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, frames: list[Frame]) -> None:
        self.recent.extend(frames)
        while len(self.recent) > _RECENT:
            self.since = self.recent.popleft().at
        if frames:
            self.wake()

    def wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def after(self, at: Position) -> list[Frame] | None:
        """None if the topic does not go back that far."""
        if self.since is None or at < self.since:
            return None
        return [frame for frame in self.recent if frame.at > at]

    @property
    def newest(self) -> Position | None:
        return self.recent[-1].at if self.recent else self.since


class EventFeed:
    def __init__(self, url: str) -> None:
        # A pool that waits for a free connection, so that a crowd of watchers does not open a crowd of them.
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url,
            max_connections=_CONNECTIONS,
            timeout=30,
            decode_responses=True,
            socket_timeout=5,
            socket_connect_timeout=5,
            health_check_interval=10,
        )
        self._redis: Any = redis.asyncio.Redis.from_pool(pool)  # its stubs know no decoded answers
        self._topics: dict[str, _Topic] = {}
        self._dirty: set[str] = set()
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closing = False

    def start(self) -> None:
        """In the loop that the watchers run in."""
        self._loop = asyncio.get_running_loop()
        self._tasks = [
            asyncio.create_task(self._listen(), name="event-feed-listen"),
            asyncio.create_task(self._spread(), name="event-feed-spread"),
        ]

    def end_streams(self) -> None:
        """Every watcher is sent home, to come back to another process or a later one. For a handler of signals."""
        self.closing = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake_all)

    def _wake_all(self) -> None:
        for topic in self._topics.values():
            topic.wake()

    async def close(self) -> None:
        self.closing = True
        self._wake_all()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self._redis.aclose()

    @property
    def watched(self) -> int:
        """How many jobs are watched now."""
        return len(self._topics)

    async def watch(self, job: str, after: Position) -> AsyncGenerator[bytes, None]:
        """The frames of all that happened after a position and happens, until the job's end; and heartbeats."""
        with self._topic(job) as topic:
            while not self.closing:
                changed = topic.changed  # taken before the look, so that nothing falls between
                try:
                    frames = topic.after(after)
                    if frames is None:
                        frames = await self._catch_up(job, topic, after)
                    if not frames and await self.ended(job):
                        frames = await self._read(
                            job, after
                        )  # the news of its end may be on the way
                        if not frames:
                            return  # seen before, or lost with the store
                except Unavailable:
                    yield b": the store is away\n\n"
                    await asyncio.sleep(2 * _PAUSE_SECONDS)
                    continue
                if frames:
                    yield b"".join(frame.text for frame in frames)
                    after = frames[-1].at
                    if any(frame.is_end for frame in frames):
                        return
                elif not await _within(changed, HEARTBEAT_SECONDS):
                    yield b": nothing new\n\n"

    async def ended(self, job: str) -> bool:
        """Raises Unavailable."""
        with _unavailable():
            state: str | None = await self._redis.hget(f"{PREFIX}job:{job}", "state")
        return state is None or JobState(state).terminal

    # ---- inside

    @contextmanager
    def _topic(self, job: str) -> Iterator[_Topic]:
        topic = self._topics.setdefault(job, _Topic())
        topic.watchers += 1
        try:
            yield topic
        finally:
            topic.watchers -= 1
            if topic.watchers == 0:
                self._topics.pop(job, None)

    async def _catch_up(self, job: str, topic: _Topic, after: Position) -> list[Frame]:
        if topic.since is None:
            with _unavailable():
                newest = await self._redis.xrevrange(_stream(job), count=1)
            if topic.since is None:  # another watcher may have been first
                topic.since = position(newest[0][0]) if newest else START
            if after == topic.since:
                return []
        return await self._read(job, after)

    async def _read(self, job: str, after: Position) -> list[Frame]:
        with _unavailable():
            entries = await self._redis.xrange(_stream(job), _exclusive(after), "+", _AT_ONCE)
        return [_frame(id_, fields) for id_, fields in entries]

    async def _listen(self) -> None:
        """Notes which watched jobs have news; what was missed while the store was away is looked for after."""
        # The library may turn a cancellation into an error of its own.
        while not self.closing:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(f"{PREFIX}news")
                    self._note(*self._topics)
                    while True:
                        told = await channel.get_message(
                            ignore_subscribe_messages=True, timeout=HEARTBEAT_SECONDS
                        )
                        self._note(*([told["data"]] if told else self._topics))
            except redis.RedisError as error:
                log.debug("no news", error=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)

    def _note(self, *jobs: str) -> None:
        watched = self._topics.keys() & set(jobs)
        if watched:
            self._dirty |= watched
            self._news.set()

    async def _spread(self) -> None:
        while not self.closing:
            await self._news.wait()
            self._news.clear()
            while self._dirty:
                jobs = [self._dirty.pop() for _ in range(min(len(self._dirty), _TOPICS_AT_ONCE))]
                try:
                    await self._refresh(jobs)
                except (redis.RedisError, OSError) as error:
                    log.debug("news not read", error=str(error))
                    self._dirty.update(jobs)
                    await asyncio.sleep(_PAUSE_SECONDS)

    async def _refresh(self, jobs: list[str]) -> None:
        """Reads what is new of these jobs in one go. A topic that nobody has read yet is only woken."""
        asked = []
        async with self._redis.pipeline(transaction=False) as pipeline:
            for job in jobs:
                topic = self._topics.get(job)
                if topic is None:
                    continue
                if topic.newest is None:
                    topic.wake()
                    continue
                pipeline.xrange(_stream(job), _exclusive(topic.newest), "+", _AT_ONCE)
                asked.append((job, topic))
            answers = await pipeline.execute() if asked else []
        for (job, topic), entries in zip(asked, answers, strict=True):
            topic.add([_frame(id_, fields) for id_, fields in entries])
            if len(entries) == _AT_ONCE:
                self._dirty.add(job)


class _unavailable:
    """Turns what redis-py raises into the error tree."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: object
    ) -> None:
        if isinstance(error, redis.RedisError):
            raise Unavailable(f"the job store does not answer: {error}") from error


async def _within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
            return True
    return False


def _stream(job: str) -> str:
    return f"{PREFIX}events:{job}"


def _exclusive(after: Position) -> str:
    return f"({after[0]}-{after[1]}"


def _frame(id_: str, fields: dict[str, str]) -> Frame:
    event = fields["event"]
    # Parsed and written again: a line break in it would end the event.
    data = json.dumps(json.loads(fields["data"]))
    text = f"id: {id_}\nevent: {event}\ndata: {data}\n\n"
    return Frame(position(id_), text.encode(), event == "end")
