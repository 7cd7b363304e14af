"""`python -m modelyard.training`: a training worker."""

from modelyard import logs
from modelyard.settings import WorkerSettings
from modelyard.training.worker import run

if __name__ == "__main__":
    settings = WorkerSettings()
    logs.configure(settings.log_level, settings.log_format)
    run(settings)
