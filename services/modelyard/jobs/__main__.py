"""`python -m modelyard.jobs`: the jobs API."""

from types import FrameType

import uvicorn
from fastapi import FastAPI

from modelyard import logs
from modelyard.jobs.app import create_app
from modelyard.settings import JobsSettings


class _Server(uvicorn.Server):
    """Sends the watchers home when it is told to stop; else it would wait for them as long as it may."""

    def __init__(self, app: FastAPI, settings: JobsSettings) -> None:
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=10,
            server_header=False,
        )
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._app.state.end_streams()


if __name__ == "__main__":
    settings = JobsSettings()
    logs.configure(settings.log_level, settings.log_format)
    _Server(create_app(settings), settings).run()
