"""The rooms of `Client`: each method starts the steps of an operation and waits for what they come to.

`async_doors.py` is the same for `AsyncClient`; a test compares the two.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard.client import datasets as dataset_steps
from modelyard.client import inputs, predictions, requests, served
from modelyard.client import jobs as job_steps
from modelyard.client import models as model_steps
from modelyard.client import workers as worker_steps
from modelyard.client.answers import Answer, Classifications, Forecasts, Values
from modelyard.client.datasets import Dataset, Progress, Schema, UploadedDataset
from modelyard.client.jobs import Epoch, Event, Filter, JobRecord, LogLine, Report
from modelyard.client.models import Model, Version
from modelyard.client.predictions import Target
from modelyard.client.retrying import Options
from modelyard.client.sync_driver import SyncDriver
from modelyard.client.workers import Worker


@dataclass(frozen=True, repr=False)
class Job(JobRecord):
    """A record as it was when it was fetched, and what one does with its job."""

    jobs: "Jobs" = field(repr=False, compare=False)

    def refresh(self) -> "Job":
        """The record as it is now."""
        return self.jobs.get(self.id)

    def events(self, *, after: str = "") -> Iterator[Event]:
        return self.jobs.events(self.id, after=after)

    def logs(self, *, after: str = "", follow: bool = True) -> Iterator[LogLine]:
        return self.jobs.logs(self.id, after=after, follow=follow)

    def history(self) -> tuple[Epoch, ...]:
        """Its epochs so far, as `jobs.metrics` tells them."""
        return self.jobs.metrics(self.id)

    def wait(self, *, timeout: float | None = None) -> "Job":
        return self.jobs.wait(self.id, timeout=timeout)

    def cancel(self) -> "Job":
        return self.jobs.cancel(self.id)

    def retry(self) -> "Job":
        return self.jobs.retry(self.id)

    def clone(self, changes: Mapping[str, Any] | None = None) -> "Job":
        return self.jobs.clone(self.id, changes)


@dataclass(frozen=True)
class JobPage:
    jobs: tuple[Job, ...]
    next_page_token: str
    """Empty at the end."""


class Jobs:
    def __init__(self, driver: SyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options

    def submit(self, request: requests.Request, *, idempotency_key: str | None = None) -> Job:
        """Sends the file that `dataset.source` names, if it names one, then the request.

        A key is always sent, so that a retry over a bad connection makes no second job. Give one to make
        the same promise across processes. Raises InvalidRequest naming the fields.
        """
        return self.submit_written(requests.read(request), idempotency_key=idempotency_key)

    def submit_written(
        self, written: requests.WrittenRequest, *, idempotency_key: str | None = None
    ) -> Job:
        return self._job(
            self._driver.run(job_steps.submit(self._options, written, idempotency_key))
        )

    def validate(self, request: requests.Request) -> Report:
        """What the service says of a request without queueing it. Raises InvalidRequest as submit does."""
        return self.validate_written(requests.read(request))

    def validate_written(self, written: requests.WrittenRequest) -> Report:
        return self._driver.run(job_steps.validate(self._options, written))

    def get(self, id: str) -> Job:
        return self._job(self._driver.run(job_steps.get(self._options, id)))

    def list(
        self, *, state: str = "", model: str = "", name: str = "", task: str = ""
    ) -> Iterator[Job]:
        """Newest first; pages are fetched as they are needed."""
        wanted = Filter(state, model, name, task)
        return self._driver.iterate(job_steps.all_pages(self._options, wanted, self._job))

    def page(
        self,
        *,
        state: str = "",
        model: str = "",
        name: str = "",
        task: str = "",
        limit: int = 50,
        page_token: str = "",
    ) -> JobPage:
        """One page; the token of the next one is good for the same filter only."""
        wanted = Filter(state, model, name, task)
        raw = self._driver.run(job_steps.page(self._options, wanted, limit, page_token))
        return JobPage(tuple(map(self._job, raw["jobs"])), raw.get("next_page_token") or "")

    def cancel(self, id: str) -> Job:
        """Asks it to stop; it ends CANCELLED unless it ended otherwise first."""
        return self._job(self._driver.run(job_steps.cancel(self._options, id)))

    def retry(self, id: str, *, idempotency_key: str | None = None) -> Job:
        """A new job of the same request."""
        return self._job(self._driver.run(job_steps.retry(self._options, id, idempotency_key)))

    def clone(
        self,
        id: str,
        changes: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> Job:
        """A new job of the same request with changes, a JSON merge patch (RFC 7396): None removes a field."""
        steps = job_steps.clone(self._options, id, changes or {}, idempotency_key)
        return self._job(self._driver.run(steps))

    def validate_clone(self, id: str, changes: Mapping[str, Any] | None = None) -> Report:
        steps = job_steps.clone(self._options, id, changes or {}, dry_run=True)
        return Report.of(self._driver.run(steps))

    def events(self, id: str, *, after: str = "") -> Iterator[Event]:
        """All that happened and happens to a job, until it ends; none is lost or repeated.

        A broken connection is opened again where it broke. Raises Unavailable when nobody has answered for
        two minutes.
        """
        return self._driver.iterate(job_steps.events(self._options, id, after))

    def logs(self, id: str, *, after: str = "", follow: bool = True) -> Iterator[LogLine]:
        """What the trainer writes, line by line, until the job has ended; followed as `events` are.

        Without `follow`, what is there now.
        """
        return self._driver.iterate(job_steps.logs(self._options, id, after, follow=follow))

    def metrics(self, id: str) -> tuple[Epoch, ...]:
        """Every epoch so far; one that was done twice appears once, as the later attempt did it."""
        return self._driver.run(job_steps.metrics(self._options, id))

    def wait(self, id: str, *, timeout: float | None = None) -> Job:
        """The job once it succeeded.

        Raises JobFailed, JobCancelled, or WaitTimeout after `timeout` seconds, when the job goes on.
        """
        raw = self._driver.run(job_steps.wait(self._options, id, timeout))
        return self._job(raw).raise_for_state()

    def _job(self, raw: Mapping[str, Any]) -> Job:
        return Job.of(raw, jobs=self)


class Datasets:
    """A dataset is named by its digest, `dataset://<digest>` or `builtin://<name>`."""

    def __init__(self, driver: SyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options

    def upload(self, path: Path | str, *, progress: Progress | None = None) -> UploadedDataset:
        """The same bytes are stored once, so sending a file again is harmless.

        A large file is sent in parts, and goes on where a broken connection left it.
        """
        return self._driver.run(dataset_steps.upload(self._options, path, progress))

    def list(self) -> Iterator[Dataset]:
        return self._driver.iterate(dataset_steps.all_of(self._options))

    def builtin(self) -> Iterator[Dataset]:
        """What the package ships."""
        return self._driver.iterate(dataset_steps.builtin(self._options))

    def get(self, dataset: str) -> Dataset:
        return self._driver.run(dataset_steps.get(self._options, dataset))

    def schema(
        self, dataset: str, *, type: str | None = None, delimiter: str | None = None
    ) -> Schema:
        """Its columns, with statistics. `type` is that of a request, such as `csv`."""
        return self._driver.run(dataset_steps.schema(self._options, dataset, type, delimiter))

    def preview(
        self,
        dataset: str,
        *,
        rows: int = 20,
        type: str | None = None,
        delimiter: str | None = None,
    ) -> tuple[Mapping[str, Any], ...]:
        """The first rows; bytes are told by their number, arrays by their shape."""
        steps = dataset_steps.preview(self._options, dataset, rows, type, delimiter)
        return self._driver.run(steps)

    def delete(self, dataset: str, *, force: bool = False) -> None:
        """Raises FailedPrecondition, reason IN_USE, while an open job or, unless `force`, a version needs it."""
        self._driver.run(dataset_steps.delete(self._options, dataset, force))


class Models:
    def __init__(self, driver: SyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options

    def get(self, name: str) -> Model:
        return self._driver.run(model_steps.get(self._options, name))

    def list(self) -> Iterator[Model]:
        return self._driver.iterate(model_steps.all_of(self._options))

    def version(self, name: str, version: int) -> Version:
        return self._driver.run(model_steps.version(self._options, name, version))

    def delete_version(self, name: str, version: int) -> None:
        """Raises Conflict or FailedPrecondition if an alias names it."""
        self._driver.run(model_steps.delete_version(self._options, name, version))

    def set_alias(self, name: str, alias: str, version: int) -> Mapping[str, int]:
        """Answers all aliases of the model. Inference follows as soon as the version is warm."""
        return self._driver.run(model_steps.set_alias(self._options, name, alias, version))

    def remove_alias(self, name: str, alias: str) -> Mapping[str, int]:
        """Answers the aliases that are left."""
        return self._driver.run(model_steps.remove_alias(self._options, name, alias))


class Workers:
    def __init__(self, driver: SyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options

    def list(self) -> Iterator[Worker]:
        return self._driver.iterate(worker_steps.all_of(self._options))


class Predictions:
    """The typed calls. `version` and `alias` choose a version; without them the newest that is loaded answers."""

    def __init__(self, driver: SyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options

    def serves(self, model: str, *, timeout: float | None = None) -> bool:
        """Whether a version of the model answers there. Raises Unavailable if nobody does."""
        return self._driver.run(predictions.serves(self._options, model, timeout))

    def classify_images(
        self,
        model: str,
        images: Iterable[inputs.Image],
        *,
        top_k: int = 0,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Classifications:
        """`top_k` 0 is all classes. Raises InvalidRequest naming the image that cannot be read."""
        target = Target(model, version, alias, timeout)
        return self._driver.run(predictions.classify_images(self._options, target, images, top_k))

    def classify_texts(
        self,
        model: str,
        texts: Iterable[str],
        *,
        top_k: int = 0,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Classifications:
        target = Target(model, version, alias, timeout)
        return self._driver.run(predictions.classify_texts(self._options, target, texts, top_k))

    def forecast(
        self,
        model: str,
        history: Iterable[float],
        *,
        horizon: int = 0,
        covariates: Mapping[str, Iterable[float]] | None = None,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Forecasts:
        """Continues one series, oldest value first. `horizon` 0 is all steps the model was trained for."""
        target = Target(model, version, alias, timeout)
        series = [inputs.series(history, covariates)]
        return self._driver.run(predictions.forecast(self._options, target, series, horizon))

    def classify_rows(
        self,
        model: str,
        rows: inputs.Rows,
        *,
        top_k: int = 0,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Classifications:
        """Rows map a column to a number or a text; None and columns left out are missing values."""
        target = Target(model, version, alias, timeout)
        return self._driver.run(predictions.classify_rows(self._options, target, rows, top_k))

    def predict_values(
        self,
        model: str,
        rows: inputs.Rows,
        *,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Values:
        target = Target(model, version, alias, timeout)
        return self._driver.run(predictions.predict_values(self._options, target, rows))


class ServedModel:
    """One model to be asked. What one gives it decides which typed call is made."""

    def __init__(
        self, driver: SyncDriver, options: Options, target: Target, task: str | None
    ) -> None:
        self._driver = driver
        self._options = options
        self._target = target
        self._task = served.Task(target.model, task)

    @property
    def name(self) -> str:
        return self._target.model

    def is_served(self) -> bool:
        """Whether a version of it answers now."""
        steps = predictions.serves(self._options, self.name, self._target.timeout)
        return self._driver.run(steps)

    def classify(self, inputs: Any, *, top_k: int = 0) -> Classifications:
        """Images (paths, bytes, Pillow images, arrays), texts, or rows (mappings, a table that speaks Arrow).

        One thing or many. A string is a path if the model was trained for images, else a text; the task is
        looked up once for that.
        """
        steps = served.classify(self._options, self._target, self._task, inputs, top_k)
        return self._driver.run(steps)

    def forecast(
        self,
        history: Any,
        *,
        horizon: int = 0,
        covariates: Mapping[str, Iterable[float]]
        | Sequence[Mapping[str, Iterable[float]]]
        | None = None,
    ) -> Forecasts:
        """Continues one series, or many: a list of lists, or an array [series, steps]; oldest value first."""
        steps = served.forecast(self._options, self._target, history, covariates, horizon)
        return self._driver.run(steps)

    def predict(self, inputs: Any) -> Answer:
        """Whatever the model was trained for."""
        return self._driver.run(served.predict(self._options, self._target, self._task, inputs))

    def __repr__(self) -> str:
        return f"<ServedModel {self._target}>"
