"""The head of a page: for each run what it is, how far it is, and what is wrong with its files."""

from collections.abc import Iterable, Sequence

from jaxgan.config.errors import UserError
from jaxgan.reports.markup import note, text
from jaxgan.reports.run import Run
from jaxgan.runs import seed_statistics
from jaxgan.runs.best_checkpoint import last_distance, read_best
from jaxgan.runs.checkpoint_ref import distance_label, distance_set
from jaxgan.runs.layout import BEST_CHECKPOINT
from jaxgan.runs.text import format_number

Facts = Iterable[tuple[str, str, str]]  # term, value, and a remark in small letters


def overview_html(runs: Sequence[Run]) -> str:
    """Returns one card for each run."""
    return f'<div class="runs">{"".join(_card(run, len(runs) > 1) for run in runs)}</div>'


def _card(run: Run, named: bool) -> str:
    heading = f"<h2>{text(run.name)}</h2>" if named else ""
    done, position, notes = _progress(run)
    bar = f'<div class="progress" role="presentation"><div style="width:{done:.1%}"></div></div>'
    facts = "".join(
        f"<div><dt>{text(term)}</dt><dd>{text(value)} <small>{text(remark)}</small></dd></div>"
        for term, value, remark in (*_identity(run), ("Trained", *position), *_distances(run))
    )
    notes += "".join(note(problem) for problem in run.problems)
    return f'<div class="card">{heading}{bar}<dl class="facts">{facts}</dl>{notes}</div>'


def _identity(run: Run) -> Facts:
    config, data = run.config, run.data
    size = "x".join(map(str, data.get("shape", ())))
    examples = f"{data['examples']:,} examples of {size}" if data else ""
    yield "Data", config.data.name, examples
    yield "Loss", config.loss.replace("_", " "), ""
    conditional = ", class-conditional" if config.network.conditional else ""
    yield "Network", config.network.name + conditional, ""
    if run.seeds:
        yield "Seeds", str(len(run.seeds)), ", ".join(map(str, run.seeds))
    else:
        yield "Seed", str(config.seed), ""


def _progress(run: Run) -> tuple[float, tuple[str, str], str]:
    """Returns the part that is done, its words, and notes about what is not."""
    try:
        last_step = seed_statistics.final_step(run.workdir, run.config)
    except UserError:
        last_step = 0
    if run.seeds:
        steps = {seed: _last_step(single) for seed, single in run.seeds.items()}
        finished = sum(step >= last_step for step in steps.values())
        notes = _unfinished_seeds(run, steps, last_step)
        done = sum(steps.values()) / (last_step * len(steps)) if last_step else 0.0
        return min(done, 1.0), (f"{finished} of {len(steps)} seeds", "to the end"), notes
    step = _last_step(run)
    row = run.rows[-1] if run.rows else {}
    train = run.config.train
    if train.images:
        position = (f"{row.get('images', 0):,} of {train.images:,} images", f"step {step:,}")
    else:
        position = (f"{row.get('epoch', 0):g} of {train.epochs} epochs", f"step {step:,}")
    unfinished = step < last_step
    words = f"This run is not finished: it is at step {step:,} of {last_step:,}."
    notes = note(words, "The training command again resumes it.") if unfinished else ""
    return min(step / last_step, 1.0) if last_step else 0.0, position, notes


def _unfinished_seeds(run: Run, steps: dict[int, int], last_step: int) -> str:
    diverged = seed_statistics.read_diverged(run.workdir)
    notes = [f"Seed {seed} diverged: {reason}" for seed, reason in diverged.items()]
    notes += [
        f"Seed {seed} is not finished: it is at step {step:,} of {last_step:,}."
        for seed, step in steps.items()
        if step < last_step and seed not in diverged
    ]
    return "".join(map(note, notes))


def _last_step(run: Run) -> int:
    return run.rows[-1]["step"] if run.rows else 0


def _distances(run: Run) -> Facts:
    """Yields the last and the lowest distance to real data of a single run."""
    last, best = last_distance(run.rows), read_best(run.workdir / BEST_CHECKPOINT)
    if last:
        label = f"{distance_label(last.name)} to {distance_set(last.name)}"
        yield label[:1].upper() + label[1:], format_number(last.value), f"at step {last.step:,}"
    if best:
        yield "Lowest so far", format_number(best.value), f"at step {best.step:,}, kept in best/"
    seconds = run.rows[-1].get("seconds") if run.rows else None
    if seconds:
        yield "Training time", _duration(seconds), ""


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
