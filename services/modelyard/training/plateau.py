"""When the learning rate falls because nothing got better. Pure: it survives in a checkpoint."""

from pydantic import BaseModel, ConfigDict

from modelyard.recipe import OnPlateau
from modelyard.training.stopping import improves


class Plateau(BaseModel):
    """The best value of what is watched, and for how many epochs nothing was better, or the rate was new."""

    model_config = ConfigDict(frozen=True)

    best: float | None = None
    waited: int = 0
    fell: bool = False
    """Whether the rate falls after the epoch that was just judged."""

    def after(self, rule: OnPlateau, value: float) -> "Plateau":
        """The state after an epoch that ended with `value`."""
        if improves(rule, self.best, value):
            return Plateau(best=value)
        if self.waited + 1 >= rule.patience:
            return Plateau(best=self.best, fell=True)
        return Plateau(best=self.best, waited=self.waited + 1)


def lower(rule: OnPlateau, rate: float) -> float:
    """The rate after it fell; one that is at its lowest stays."""
    return max(rate * rule.factor, min(rule.lowest, rate))
