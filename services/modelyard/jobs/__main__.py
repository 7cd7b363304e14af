"""`python -m modelyard.jobs`: the jobs API."""

import uvicorn

from modelyard import logs
from modelyard.jobs.app import create_app
from modelyard.settings import JobsSettings

if __name__ == "__main__":
    settings = JobsSettings()
    logs.configure(settings.log_level, settings.log_format)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=10,
        server_header=False,
    )
