"""Errors that users meet, and the exit statuses of the command line."""

EXIT_FAILED = 1  # the run failed, or two runs differ
EXIT_USAGE = 2  # the user can fix it: a flag, a setting, a file


class UserError(ValueError):
    """Something the user can fix. The command line prints it as one line and exits with 2."""


class TrainingDiverged(RuntimeError):
    """Too many steps in a row had an update that was not finite."""
