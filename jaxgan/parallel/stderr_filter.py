"""What is said of a process that JAX ends by itself, as it does where another one was lost.

A script beside a process that trains with others, which hands it what native code writes: that is
passed on, but for what Gloo says of its connections, and for a dump of the stack in place of one
clear line. `joining` starts it; it imports nothing of the package.
"""

import re
import signal
import sys
from collections.abc import Iterable

GOODBYE = "jaxgan: goodbye"  # the process ends as it should
FATAL = "the JAX distributed service detected fatal errors"  # jaxlib's words before it aborts
STATUS = "absl::Status: "
OF_THE_COORDINATOR = "Failed to send RPC to coordination service"
FIRST = "process 0 "  # how the name of the process begins where the service is
# What Gloo prints of each group of devices, by a thread for each: in pieces, in any order.
NOISE = re.compile(
    r"(\[Gloo\] Rank|is connected to|Expected number of connected|peer ranks\.?|is :|\d|\s)+"
)


def main(name: str) -> None:
    """Reads until the process has ended; `name` says which one of the run it is."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # what they ask for is that process's to do
    sys.stdin.reconfigure(errors="replace")  # type: ignore[union-attr]
    fatal: list[str] = []
    for line in sys.stdin:
        if line.strip().endswith(GOODBYE):
            return
        if fatal or FATAL in line:
            fatal.append(line)
        elif not NOISE.fullmatch(line):
            print(line, end="", file=sys.stderr, flush=True)
    print(f"jaxgan: error: {name}: {reason(fatal, name)}", file=sys.stderr, flush=True)


def reason(fatal: Iterable[str], name: str) -> str:
    """One line from what JAX wrote before it ended the process of this name; it wrote nothing, if
    that was killed."""
    text = "".join(fatal).split("*** Check failure")[0]
    if not text:
        return "was ended from outside; repeat the command to go on from the last checkpoint"
    who = [f"process {line}" for line in text.splitlines() if line.isdecimal()]
    if OF_THE_COORDINATOR in text:
        who = ["process 0"] if not name.startswith(FIRST) else who or ["another process"]
    lost = ", ".join(who) or f"a process ({text.partition(STATUS)[2].partition(chr(10))[0]})"
    return f"{lost} of this run was lost; repeat all commands to go on from the last checkpoint"


if __name__ == "__main__":
    main(sys.argv[1])
