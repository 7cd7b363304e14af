"""The rooms of `AsyncClient`: each method starts the steps of an operation and awaits what they come to.

What they mean is written in `doors.py`, which is the same for `Client`; a test compares the two.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard.client import datasets as dataset_steps
from modelyard.client import inputs, predictions, requests, served
from modelyard.client import jobs as job_steps
from modelyard.client import models as model_steps
from modelyard.client import workers as worker_steps
from modelyard.client.answers import Answer, Classifications, Forecasts, Values
from modelyard.client.async_driver import AsyncDriver
from modelyard.client.datasets import Dataset, Progress, Schema, UploadedDataset
from modelyard.client.jobs import Epoch, Event, Filter, JobRecord, LogLine, Report
from modelyard.client.models import Model, Version
from modelyard.client.predictions import Target
from modelyard.client.retrying import Options
from modelyard.client.workers import Worker


@dataclass(frozen=True, repr=False)
class AsyncJob(JobRecord):
    """A record as it was when it was fetched, and what one does with its job."""

    jobs: "AsyncJobs" = field(repr=False, compare=False)

    async def refresh(self) -> "AsyncJob":
        return await self.jobs.get(self.id)

    def events(self, *, after: str = "") -> AsyncIterator[Event]:
        return self.jobs.events(self.id, after=after)

    def logs(self, *, after: str = "", follow: bool = True) -> AsyncIterator[LogLine]:
        return self.jobs.logs(self.id, after=after, follow=follow)

    async def history(self) -> tuple[Epoch, ...]:
        return await self.jobs.metrics(self.id)

    async def wait(self, *, timeout: float | None = None) -> "AsyncJob":
        return await self.jobs.wait(self.id, timeout=timeout)

    async def cancel(self) -> "AsyncJob":
        return await self.jobs.cancel(self.id)

    async def retry(self) -> "AsyncJob":
        return await self.jobs.retry(self.id)

    async def clone(self, changes: Mapping[str, Any] | None = None) -> "AsyncJob":
        return await self.jobs.clone(self.id, changes)


@dataclass(frozen=True)
class AsyncJobPage:
    jobs: tuple[AsyncJob, ...]
    next_page_token: str
    """Empty at the end."""


class AsyncJobs:
    def __init__(self, driver: AsyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options

    async def submit(
        self, request: requests.Request, *, idempotency_key: str | None = None
    ) -> AsyncJob:
        return await self.submit_written(requests.read(request), idempotency_key=idempotency_key)

    async def submit_written(
        self, written: requests.WrittenRequest, *, idempotency_key: str | None = None
    ) -> AsyncJob:
        return self._job(
            await self._driver.run(job_steps.submit(self._options, written, idempotency_key))
        )

    async def validate(self, request: requests.Request) -> Report:
        return await self.validate_written(requests.read(request))

    async def validate_written(self, written: requests.WrittenRequest) -> Report:
        return await self._driver.run(job_steps.validate(self._options, written))

    async def get(self, id: str) -> AsyncJob:
        return self._job(await self._driver.run(job_steps.get(self._options, id)))

    def list(
        self, *, state: str = "", model: str = "", name: str = "", task: str = ""
    ) -> AsyncIterator[AsyncJob]:
        wanted = Filter(state, model, name, task)
        return self._driver.iterate(job_steps.all_pages(self._options, wanted, self._job))

    async def page(
        self,
        *,
        state: str = "",
        model: str = "",
        name: str = "",
        task: str = "",
        limit: int = 50,
        page_token: str = "",
    ) -> AsyncJobPage:
        wanted = Filter(state, model, name, task)
        raw = await self._driver.run(job_steps.page(self._options, wanted, limit, page_token))
        return AsyncJobPage(tuple(map(self._job, raw["jobs"])), raw.get("next_page_token") or "")

    async def cancel(self, id: str) -> AsyncJob:
        return self._job(await self._driver.run(job_steps.cancel(self._options, id)))

    async def retry(self, id: str, *, idempotency_key: str | None = None) -> AsyncJob:
        return self._job(
            await self._driver.run(job_steps.retry(self._options, id, idempotency_key))
        )

    async def clone(
        self,
        id: str,
        changes: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> AsyncJob:
        steps = job_steps.clone(self._options, id, changes or {}, idempotency_key)
        return self._job(await self._driver.run(steps))

    async def validate_clone(self, id: str, changes: Mapping[str, Any] | None = None) -> Report:
        steps = job_steps.clone(self._options, id, changes or {}, dry_run=True)
        return Report.of(await self._driver.run(steps))

    def events(self, id: str, *, after: str = "") -> AsyncIterator[Event]:
        return self._driver.iterate(job_steps.events(self._options, id, after))

    def logs(self, id: str, *, after: str = "", follow: bool = True) -> AsyncIterator[LogLine]:
        return self._driver.iterate(job_steps.logs(self._options, id, after, follow=follow))

    async def metrics(self, id: str) -> tuple[Epoch, ...]:
        return await self._driver.run(job_steps.metrics(self._options, id))

    async def wait(self, id: str, *, timeout: float | None = None) -> AsyncJob:
        raw = await self._driver.run(job_steps.wait(self._options, id, timeout))
        return self._job(raw).raise_for_state()

    def _job(self, raw: Mapping[str, Any]) -> AsyncJob:
        return AsyncJob.of(raw, jobs=self)


class AsyncDatasets:
    """A dataset is named by its digest, `dataset://<digest>` or `builtin://<name>`."""

    def __init__(self, driver: AsyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options

    async def upload(
        self, path: Path | str, *, progress: Progress | None = None
    ) -> UploadedDataset:
        return await self._driver.run(dataset_steps.upload(self._options, path, progress))

    def list(self) -> AsyncIterator[Dataset]:
        return self._driver.iterate(dataset_steps.all_of(self._options))

    def builtin(self) -> AsyncIterator[Dataset]:
        return self._driver.iterate(dataset_steps.builtin(self._options))

    async def get(self, dataset: str) -> Dataset:
        return await self._driver.run(dataset_steps.get(self._options, dataset))

    async def schema(
        self, dataset: str, *, type: str | None = None, delimiter: str | None = None
    ) -> Schema:
        return await self._driver.run(dataset_steps.schema(self._options, dataset, type, delimiter))

    async def preview(
        self,
        dataset: str,
        *,
        rows: int = 20,
        type: str | None = None,
        delimiter: str | None = None,
    ) -> tuple[Mapping[str, Any], ...]:
        steps = dataset_steps.preview(self._options, dataset, rows, type, delimiter)
        return await self._driver.run(steps)

    async def delete(self, dataset: str, *, force: bool = False) -> None:
        await self._driver.run(dataset_steps.delete(self._options, dataset, force))


class AsyncModels:
    def __init__(self, driver: AsyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options

    async def get(self, name: str) -> Model:
        return await self._driver.run(model_steps.get(self._options, name))

    def list(self) -> AsyncIterator[Model]:
        return self._driver.iterate(model_steps.all_of(self._options))

    async def version(self, name: str, version: int) -> Version:
        return await self._driver.run(model_steps.version(self._options, name, version))

    async def delete_version(self, name: str, version: int) -> None:
        await self._driver.run(model_steps.delete_version(self._options, name, version))

    async def set_alias(self, name: str, alias: str, version: int) -> Mapping[str, int]:
        return await self._driver.run(model_steps.set_alias(self._options, name, alias, version))

    async def remove_alias(self, name: str, alias: str) -> Mapping[str, int]:
        return await self._driver.run(model_steps.remove_alias(self._options, name, alias))


class AsyncWorkers:
    def __init__(self, driver: AsyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options

    def list(self) -> AsyncIterator[Worker]:
        return self._driver.iterate(worker_steps.all_of(self._options))


class AsyncPredictions:
    """The typed calls. `version` and `alias` choose a version; without them the newest that is loaded answers."""

    def __init__(self, driver: AsyncDriver, options: Options) -> None:
        self._driver = driver
        self._options = options

    async def serves(self, model: str, *, timeout: float | None = None) -> bool:
        return await self._driver.run(predictions.serves(self._options, model, timeout))

    async def classify_images(
        self,
        model: str,
        images: Iterable[inputs.Image],
        *,
        top_k: int = 0,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Classifications:
        target = Target(model, version, alias, timeout)
        return await self._driver.run(
            predictions.classify_images(self._options, target, images, top_k)
        )

    async def classify_texts(
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
        return await self._driver.run(
            predictions.classify_texts(self._options, target, texts, top_k)
        )

    async def forecast(
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
        target = Target(model, version, alias, timeout)
        series = [inputs.series(history, covariates)]
        return await self._driver.run(predictions.forecast(self._options, target, series, horizon))

    async def classify_rows(
        self,
        model: str,
        rows: inputs.Rows,
        *,
        top_k: int = 0,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Classifications:
        target = Target(model, version, alias, timeout)
        return await self._driver.run(predictions.classify_rows(self._options, target, rows, top_k))

    async def predict_values(
        self,
        model: str,
        rows: inputs.Rows,
        *,
        version: int | None = None,
        alias: str | None = None,
        timeout: float | None = None,
    ) -> Values:
        target = Target(model, version, alias, timeout)
        return await self._driver.run(predictions.predict_values(self._options, target, rows))


class AsyncServedModel:
    """One model to be asked. What one gives it decides which typed call is made."""

    def __init__(
        self, driver: AsyncDriver, options: Options, target: Target, task: str | None
    ) -> None:
        self._driver = driver
        self._options = options
        self._target = target
        self._task = served.Task(target.model, task)

    @property
    def name(self) -> str:
        return self._target.model

    async def is_served(self) -> bool:
        steps = predictions.serves(self._options, self.name, self._target.timeout)
        return await self._driver.run(steps)

    async def classify(self, inputs: Any, *, top_k: int = 0) -> Classifications:
        steps = served.classify(self._options, self._target, self._task, inputs, top_k)
        return await self._driver.run(steps)

    async def forecast(
        self,
        history: Any,
        *,
        horizon: int = 0,
        covariates: Mapping[str, Iterable[float]]
        | Sequence[Mapping[str, Iterable[float]]]
        | None = None,
    ) -> Forecasts:
        steps = served.forecast(self._options, self._target, history, covariates, horizon)
        return await self._driver.run(steps)

    async def predict(self, inputs: Any) -> Answer:
        return await self._driver.run(
            served.predict(self._options, self._target, self._task, inputs)
        )

    def __repr__(self) -> str:
        return f"<AsyncServedModel {self._target}>"
