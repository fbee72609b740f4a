"""Alarms while a run trains: D has won, samples are alike, the distance rises; each once a run."""

from collections.abc import Callable, Iterable

from jaxgan.config.schema import Config
from jaxgan.runs.checkpoint_ref import distance_in
from jaxgan.runs.diagnosis import collapse, discriminator
from jaxgan.runs.diagnosis.distance import ADVICE_RISEN, RISEN, distances, has_risen
from jaxgan.runs.diagnosis.record import Row, intervals, is_finite, place, planned_intervals

GRIDS = 3  # in a row whose samples are alike; those of the first epochs can be
STEPS = 100  # at least, since an epoch of a small set is a few steps


class Alarms:
    """Reads the rows of a run as they come, and warns of what is bad, of each thing once.

    A resumed run gives the rows that it has first: what they would warn of has been said.
    """

    def __init__(self, config: Config, rows: Iterable[Row] = ()):
        self._config = config
        self._checks: list[Callable[[Row], str]] = [self._won, self._alike, self._rising]
        self._place = 0.0  # of the row before, in intervals
        self._step = 0
        self._won_since: tuple[float, int] | None = None
        self._grids = 0
        self._evaluated: list[Row] = []
        self._lowest: dict[str, float] = {}  # by the name of the distance
        self.read(rows)

    def read(self, rows: Iterable[Row]) -> list[str]:
        """Returns the warnings that the next rows give rise to; none of them is said again."""
        warnings = []
        for row in rows:
            said = {check: text for check in self._checks if (text := check(row))}
            self._checks = [check for check in self._checks if check not in said]
            warnings += [f"{place(self._config.train, row)}: {text}" for text in said.values()]
            self._place, self._step = intervals(self._config.train, row), row["step"]
        return warnings

    def _won(self, row: Row) -> str:
        signal = discriminator.SIGNALS.get(self._config.loss)
        value = discriminator.signal_in(self._config, row)
        if signal is None or value is None or value >= discriminator.WON:
            self._won_since = None
            return ""
        self._won_since = self._won_since or (self._place, self._step)
        begin, step = self._won_since
        # A row's epoch is rounded to four digits.
        if intervals(self._config.train, row) - begin < 0.999 or row["step"] - step < STEPS:
            return ""
        unit = "an interval" if self._config.train.images else "an epoch"
        return (
            f"D has won: {signal.words} has been below {discriminator.WON} for {unit} "
            f"({value:.2g} now). {discriminator.won_advice(self._config)}"
        )

    def _alike(self, row: Row) -> str:
        value = row.get(collapse.SPREAD)
        if not is_finite(value):
            return ""
        self._grids = self._grids + 1 if value < collapse.ALIKE else 0
        if self._grids < GRIDS:
            return ""
        return (
            f"all samples are alike: in {GRIDS} grids they differ from each other less than "
            f"{collapse.ALIKE} times as much as real ones do ({value:.2g} now). {collapse.ADVICE}"
        )

    def _rising(self, row: Row) -> str:
        if not (distance := distance_in(row)):
            return ""
        # A whole row would be much to keep for each evaluation of a long run.
        where = {name: row[name] for name in ("step", "epoch", "images") if name in row}
        self._evaluated.append(where | dict([distance]))
        name, value = distance
        if not is_finite(value):
            return ""
        self._lowest[name] = min(value, self._lowest.get(name, value))
        # The whole history is looked through only in a run that may be bad.
        if value <= RISEN * self._lowest[name]:
            return ""
        found, train = distances(self._evaluated), self._config.train
        if not has_risen(train, found, planned_intervals(train) / 3):
            return ""
        return (
            f"{found.label} has been a quarter above its lowest, {min(found.values):.4g}, for a "
            f"third of the run ({found.values[-1]:.4g} now). {ADVICE_RISEN}"
        )
