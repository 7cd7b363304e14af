"""What the service needs to open its ports."""

import subprocess
import sys


def test_the_ports_open_before_tensorflow_is_imported_and_without_redis() -> None:
    """With Redis down predictions go on, because nothing here knows of it."""
    code = (
        "import sys, modelyard.inference.server\n"
        "heavy = {'tensorflow', 'keras', 'pandas', 'redis', 'celery', 'kombu', 'fastapi'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
