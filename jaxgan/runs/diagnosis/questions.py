"""The questions that people ask of a run, and the diagnosis that answers them."""

from jaxgan.runs import layout
from jaxgan.runs.diagnosis.collapse import collapse
from jaxgan.runs.diagnosis.discriminator import discriminator
from jaxgan.runs.diagnosis.distance import learning, progressing
from jaxgan.runs.diagnosis.finding import Answers, Finding
from jaxgan.runs.diagnosis.memorising import memorising
from jaxgan.runs.diagnosis.record import RunRecord

QUESTIONS: dict[str, Answers] = {
    "Is it learning?": learning,
    "Has the discriminator won?": discriminator,
    "Has it collapsed?": collapse,
    "Is it memorising?": memorising,
    "Is it still getting better?": progressing,
}


def diagnose(run: RunRecord) -> list[Finding]:
    """Answers every question about a run, some with several findings."""
    if not run.rows:
        text = f"The run has 0 rows in {layout.METRICS}, and nothing else says how it goes."
        advice = "The command that trains it writes the first row at the end of a chunk of steps"
        return [Finding("note", next(iter(QUESTIONS)), text, {"rows": 0}, advice)]
    return [
        Finding(level, question, sentence, figures, advice)
        for question, answers in QUESTIONS.items()
        for level, sentence, figures, advice in answers(run)
    ]
