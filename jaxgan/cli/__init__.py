"""The command line: verbs, flags and messages."""
