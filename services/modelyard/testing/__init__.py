"""A whole Modelyard in your test's process: real HTTP and gRPC ports, and nothing behind them that takes time.

    from modelyard.testing import FakeServer

    def test_my_pipeline() -> None:
        with FakeServer() as server, server.client() as client:
            job = client.jobs.submit(REQUEST).wait(timeout=10)
            assert client.model(job.model).classify(b"…").top.name == "0"

Jobs walk through their states in a moment, and publish models that answer the same to the same question. It
needs no TensorFlow, no Redis and no worker: the base installation is enough.
"""

from modelyard.testing.fake_jobs import Fate
from modelyard.testing.fake_models import FakeModel
from modelyard.testing.fake_server import FakeServer

__all__ = ["FakeModel", "FakeServer", "Fate"]
