"""Errors that users meet, and the exit codes of the command line."""


class UserError(ValueError):
    """Something the user can mend. The command line prints it as one line and exits with 2."""


EXIT_USAGE = 2  # exit status of what the user can mend
EXIT_FAILED = 1


class TrainingDiverged(RuntimeError):
    """Too many steps in a row had an update that was not finite."""
