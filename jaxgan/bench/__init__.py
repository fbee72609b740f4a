"""Measures the speed and the memory of this machine's programs: the verb `bench`."""
