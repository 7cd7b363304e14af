"""What a request allows and its author may regret. Pure: a request, its plan and the balance of its classes."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from modelyard.job import JobRequest, Plan

MANY_EPOCHS = 50
FEW_TO_JUDGE = 20
FEW_OF_A_CLASS = 5
MAJORITY = 0.8
WEIGHTS_PER_EXAMPLE = 1000


class Warning(BaseModel):
    field: str
    message: str


def warnings(request: JobRequest, plan: Plan, balance: Mapping[str, int]) -> list[Warning]:
    """`balance` is the number of rows by class, empty if it is not known."""
    found: list[Warning] = [*_stopping(request), *_precision(request), *_classes(balance)]
    # The examples of a forecast are windows of rows, whose number the task decides.
    if plan.rows is not None and plan.features.kind != "series":
        found += [*_sizes(request, plan, plan.rows)]
    return found


def _stopping(request: JobRequest) -> Iterator[Warning]:
    training = request.training
    if training.epochs >= MANY_EPOCHS and training.early_stopping is None:
        yield Warning(
            field="training.early_stopping",
            message=f"is not set: after {training.epochs} epochs the last weights are published, though earlier ones may be better",
        )


def _precision(request: JobRequest) -> Iterator[Warning]:
    training = request.training
    if training.precision != "float32" and request.resources.device == "cpu":
        yield Warning(
            field="training.precision",
            message=f"{training.precision} is slower than float32 on a CPU",
        )


def _sizes(request: JobRequest, plan: Plan, rows: int) -> Iterator[Warning]:
    split, batch = request.training.validation, request.training.batch_size
    test = round(split.test * rows) if split.test < 1 else int(split.test)
    train = rows - test - round(split.fraction * rows)
    if isinstance(batch, int) and batch > train:
        yield Warning(
            field="training.batch_size",
            message=f"{batch} is more than the about {train} examples that are trained on: every epoch is one step",
        )
    if test < FEW_TO_JUDGE:
        yield Warning(
            field="training.validation.test",
            message=f"the model is judged by {max(test, 1)} examples, which tell little",
        )
    if plan.parameters is not None and plan.parameters > WEIGHTS_PER_EXAMPLE * max(train, 1):
        yield Warning(
            field="network",
            message=f"{plan.parameters} weights can learn about {train} examples by heart; a smaller network may answer better",
        )


def _classes(balance: Mapping[str, int]) -> Iterator[Warning]:
    if not balance:
        return
    rows = sum(balance.values())
    largest = max(balance, key=lambda name: balance[name])
    if balance[largest] > MAJORITY * rows:
        share = 100 * balance[largest] / rows
        yield Warning(
            field="dataset",
            message=f"{share:.0f} % of the rows are of the class {largest!r}: always answering it is as accurate, so compare with the baseline",
        )
    rare = sorted(name for name, count in balance.items() if count < FEW_OF_A_CLASS)
    if rare:
        shown = ", ".join(f"{name!r}" for name in rare[:5]) + (" …" if len(rare) > 5 else "")
        yield Warning(
            field="dataset",
            message=f"{len(rare)} {'class has' if len(rare) == 1 else 'classes have'} fewer than {FEW_OF_A_CLASS} rows: {shown}",
        )
