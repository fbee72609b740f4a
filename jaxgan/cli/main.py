"""The command line: dispatches to a verb, and turns every error for users into one line."""

import logging
import signal
import sys

from jaxgan.cli.messages import discard_output, hide_image_warnings, print_error, show_log
from jaxgan.cli.verbs import VERBS
from jaxgan.config.errors import EXIT_USAGE, UserError, describe_os_error
from jaxgan.config.jax_env import MEMORY_HINT, OUT_OF_MEMORY, open_one_gpu, set_compile_cache

logger = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    argv = sys.argv[1:] if argv is None else argv
    verb, rest = (argv[0], argv[1:]) if argv and argv[0] in VERBS else ("train", argv)
    # Both come before the verb, which imports JAX: JAX reads the variable once, at its import.
    show_log()
    hide_image_warnings()
    try:
        if warning := set_compile_cache():
            logger.warning(warning)
        if verb != "train":  # which may use several
            open_one_gpu()
        return VERBS[verb](rest)
    except UserError as error:
        return print_error(str(error), EXIT_USAGE)
    # The class of JAX's error cannot be named here, because it takes the import of JAX.
    except RuntimeError as error:
        if OUT_OF_MEMORY not in str(error):
            raise
        (line, *_) = str(error).splitlines()
        return print_error(f"a device is out of memory ({line}). {MEMORY_HINT}", EXIT_USAGE)
    # Standard output was closed, as by `| head`. Python flushes it once more when it ends, which
    # would raise again without a place to write to.
    except BrokenPipeError:
        discard_output(sys.stdout)
        return 128 + signal.SIGPIPE
    except OSError as error:
        return print_error(describe_os_error(error), EXIT_USAGE)
