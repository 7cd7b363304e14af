"""The Celery app and its one message: a doorbell that says "something waits in this queue".

It carries no job. Losing it costs a moment, until the reconciler rings again; repeating it costs nothing,
since a worker that comes to the door claims whatever is next in the store, or nothing.
"""

import contextlib

from celery import Celery
from kombu.exceptions import OperationalError

from modelyard import logs

RING = "modelyard.ring"
KEY_PREFIX = "modelyard:bell:"
EXPIRES_SECONDS = 60
MOST_WAITING = 32
"""More doorbells than this never wait: a worker rings for the next one when it is done."""

log = logs.get(__name__)


def make_app(broker_url: str) -> Celery:
    app = Celery("modelyard", broker=broker_url)
    app.conf.update(
        task_acks_late=False,  # the lease, not the acknowledgement, protects the job
        worker_disable_prefetch=True,  # an idle worker gets the next doorbell
        worker_prefetch_multiplier=1,
        task_ignore_result=True,  # no result backend: the record is the truth
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_limit=2,
        task_serializer="json",
        accept_content=["json"],
        broker_transport_options={
            "visibility_timeout": 600,
            "socket_timeout": 5,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "global_keyprefix": KEY_PREFIX,
        },
    )
    return app


class Doorbell:
    """Rings for the workers of a queue. Never blocks for long, never raises: the reconciler rings later."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def ring(self, queue: str) -> None:
        try:
            self._app.send_task(
                RING, queue=queue, expires=EXPIRES_SECONDS, retry=False, ignore_result=True
            )
        except OperationalError as error:
            log.warning("doorbell not rung", queue=queue, error=str(error))

    def ring_if_few(self, queue: str) -> None:
        """Rings for a job that has just come, unless so many doorbells wait that it will be heard of anyway."""
        if self.waiting(queue) < MOST_WAITING:
            self.ring(queue)

    def ring_for(self, queue: str, waiting: int) -> int:
        """Rings until as many doorbells wait as there are jobs; answers how often it rang."""
        missing = min(waiting, MOST_WAITING) - self.waiting(queue)
        for _ in range(missing):
            self.ring(queue)
        return max(missing, 0)

    def waiting(self, queue: str) -> int:
        """How many doorbells nobody has answered yet; MOST_WAITING if the broker does not say."""
        with (
            contextlib.suppress(OperationalError, OSError),
            self._app.connection_or_acquire() as connection,
        ):
            return int(connection.default_channel.client.llen(queue))
        return MOST_WAITING
