"""When training ends early, and which epoch's weights are kept. Pure: it survives in a checkpoint."""

import math

from pydantic import BaseModel, ConfigDict

from modelyard.recipe import EarlyStopping, OnPlateau


class Stopping(BaseModel):
    """The best value of what is watched, and how long nothing was better."""

    model_config = ConfigDict(frozen=True)

    best: float | None = None
    best_epoch: int = 0
    """Counted from 1; 0 before the first epoch."""
    waited: int = 0

    def after(self, rule: EarlyStopping, epoch: int, value: float) -> "Stopping":
        """The state after an epoch that ended with `value`."""
        if improves(rule, self.best, value):
            return Stopping(best=value, best_epoch=epoch)
        return self.model_copy(update={"waited": self.waited + 1})

    def is_over(self, rule: EarlyStopping) -> bool:
        return self.waited >= rule.patience


def improves(rule: EarlyStopping | OnPlateau, best: float | None, value: float) -> bool:
    """Whether a value of what is watched is better than the best one before it."""
    if best is None:
        return not math.isnan(value)
    higher = rule.monitor.endswith("accuracy")
    gain = value - best if higher else best - value
    return gain > rule.min_delta
