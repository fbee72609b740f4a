"""Asks whether a server answers, before a download that would wait longer for it."""

import threading

PROBE_SECONDS = 8  # for the name lookup and several addresses
CONNECT_SECONDS = 5


def connection_failure(url: str) -> str:
    """Returns why an address does not answer within PROBE_SECONDS; "" if it answers."""
    # Takes a tenth of a second to import, and most commands need no network.
    import requests

    failures = [f"no answer in {PROBE_SECONDS} s"]

    def ask() -> None:
        try:
            requests.head(url, timeout=CONNECT_SECONDS, allow_redirects=True)
            failures.clear()
        except (requests.RequestException, OSError) as error:
            failures[:] = [type(error).__name__]

    # In a thread, because a name lookup has no time limit.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return failures[0] if failures else ""
