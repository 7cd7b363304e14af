"""`python -m modelyard.training`: a training worker."""

import sys

from modelyard import logs
from modelyard.errors import InvalidRequest
from modelyard.job import Exit
from modelyard.settings import WorkerSettings
from modelyard.training.worker import run

if __name__ == "__main__":
    settings = WorkerSettings()
    logs.configure(settings.log_level, settings.log_format)
    try:
        run(settings)
    except InvalidRequest as error:
        logs.get(__name__).error("worker cannot start", error=error.message)
        sys.exit(Exit.BAD_SPEC)
