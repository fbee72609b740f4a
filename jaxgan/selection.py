"""Which checkpoint of a run is meant: that of a step, the last, or the best."""

LAST, BEST = -1, -2  # in place of a step: the newest, that of the lowest held-out distance
NAMES = {"last": LAST, "best": BEST}
EVALUATION = "evaluation.json"


def evaluation_file(step: int) -> str:
    """The last checkpoint's has the plain name; those of others do not replace it."""
    if step == LAST:
        return EVALUATION
    return EVALUATION.replace(".", "_best." if step == BEST else f"_{step}.")
