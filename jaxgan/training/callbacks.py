"""Calls a user's own functions with the metrics of each chunk."""

import signal
from collections.abc import Callable, Mapping, Sequence

import numpy as np

Callback = Callable[[int, Mapping[str, np.ndarray]], object]


class Callbacks:
    """Calls functions after each chunk; what one raises stops the run as Ctrl-C does.

    Attributes:
      error: what a function raised, or None. From then on, none is called.
    """

    def __init__(self, functions: Sequence[Callback], signals: list[int]):
        """Takes functions of the last step and the metrics of a chunk.

        Args:
          signals: those of `stop_signals`, to which an error adds one.
        """
        self.error: Exception | None = None
        self._functions, self._signals = tuple(functions), signals

    def __call__(self, step: int, metrics: Mapping[str, np.ndarray]) -> None:
        if self.error:
            return
        try:
            for function in self._functions:
                function(step, metrics)
        # It can be of any class. The run is saved before it is raised.
        except Exception as error:
            self.error = error
            self._signals.append(signal.SIGINT)
