"""Errors that users meet, and the exit statuses of the command line."""

import errno

EXIT_FAILED = 1  # the run failed, or two runs differ
EXIT_USAGE = 2  # the user can fix it: a flag, a setting, a file


class UserError(ValueError):
    """Something the user can fix. The command line prints it as one line and exits with 2."""


class TrainingDiverged(RuntimeError):
    """Too many steps in a row had an update that was not finite."""


def describe_os_error(error: OSError) -> str:
    """Returns the file of a failed operation and the reason, as one line."""
    file = f"{error.filename}: " if error.filename else ""
    full = "the disk is full; free some space, then repeat the command"
    return f"{file}{full if error.errno == errno.ENOSPC else error.strerror or error}"
