"""Tests of jaxgan."""

from beartype import BeartypeConf, beartype

# The type checker of the tests takes a whole number where a float is declared.
check = beartype(conf=BeartypeConf(is_pep484_tower=True))
