"""A section of a report page: what every builder of one returns.

A builder is a function `(run: Run) -> Section | None`; None leaves the section out. What it reads
and cannot find, it says in the section, and says how to get it.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Section:
    """One section of a report page.

    Attributes:
      id: name of the section in the page's links, such as "samples"; with several runs on a page,
        each of them has its own, made with `Run.prefix`.
      title: text, not HTML; the page escapes it and makes a heading of it.
      html: what stands under the heading. Every text of the run's files in it is escaped.
      script: JavaScript that the page runs once, after all of its HTML, in a function of its own;
        equal scripts of several sections are put into the page once.
      style: CSS; equal styles are put into the page once.
      lead: HTML that explains the section; with several runs it stands once, before them.
    """

    id: str
    title: str
    html: str
    script: str = ""
    style: str = ""
    lead: str = ""
