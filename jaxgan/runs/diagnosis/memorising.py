"""Is the generator memorising? The distance of samples to their nearest training images."""

from collections.abc import Iterator

from jaxgan.runs.diagnosis.distance import distances
from jaxgan.runs.diagnosis.finding import DURING, Answer
from jaxgan.runs.diagnosis.record import RunRecord, finite_values, place

COPIES, NEAR_COPIES = 0.5, 0.75  # a ratio below it
ADVICE = (
    "Train on more images, augment them (--config.augment.policy), or stop earlier; "
    "memorisation.png shows samples beside their nearest training images"
)
HELD_OUT = "No images are held out; a new run with --config.data.held_out=0.1 has some"


def memorising(run: RunRecord) -> Iterator[Answer]:
    """Answers whether samples are copies, by `metrics.copying_ratio` of the last evaluation."""
    if not (found := finite_values(run.rows, "eval/copying/")):
        yield _without_ratio(run)
        return
    row, name, ratio = found[-1]
    text = (
        f"samples are {ratio:.2g} times as far from their nearest training images as held-out "
        f"images are ({place(run.config.train, row)}; 0 is a copy)"
    )
    if ratio < COPIES:
        yield Answer("warning", f"G copies training images: {text}.", {name: ratio}, ADVICE)
    elif ratio < NEAR_COPIES:
        yield Answer("note", f"Samples are close to training images: {text}.", {name: ratio})
    else:
        yield Answer("good", f"G does not copy training images: {text}.", {name: ratio})


def _without_ratio(run: RunRecord) -> Answer:
    if len(run.data.get("shape", ())) == 1:
        count = run.data["examples"]
        text = f"Each point of a plane has a near one among {count}, so copies are not searched."
        return Answer("note", text, {"examples": count})
    rows = len(run.rows)
    text = f"None of {rows} rows has the distance of samples to training images (eval/copying)."
    against_training = distances(run.rows).name.startswith("eval/frechet/train/")
    return Answer("note", text, {"rows": rows}, HELD_OUT if against_training else DURING)
