"""The verb `report`: prints how far runs are, and writes the page that shows them."""

import logging
from collections.abc import Sequence
from pathlib import Path

from jaxgan.cli.messages import print_text
from jaxgan.config.errors import UserError
from jaxgan.reports.page import write_page
from jaxgan.runs.report import report as report_run


def report(workdirs: Sequence[Path], out: Path) -> None:
    """Prints the text of each run and writes the page of all of them to `out`.

    Raises:
      UserError: files of a run are damaged. The page is written first: it shows the others, and
        says what is damaged.
    """
    failure = None
    for workdir in workdirs:
        try:
            print_text(report_run(workdir))
        except UserError as error:
            failure = failure or error
    # That data and samples are loaded is of no interest to who reads a page.
    logger = logging.getLogger("jaxgan")
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        write_page(workdirs, out)
    finally:
        logger.setLevel(level)
    if failure:
        raise failure
    print_text(f"{out}: the page of {'this run' if len(workdirs) == 1 else 'these runs'}")
