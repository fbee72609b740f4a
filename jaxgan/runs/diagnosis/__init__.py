"""Diagnoses a run in plain words, from what is on disk: each finding has the figures behind it.

Everything here is a function of rows and records, without JAX, so that a page, a log and a report
say the same of one run.
"""

from jaxgan.runs.diagnosis.alarms import Alarms
from jaxgan.runs.diagnosis.finding import Finding
from jaxgan.runs.diagnosis.questions import QUESTIONS, diagnose
from jaxgan.runs.diagnosis.record import RunRecord, read_record
