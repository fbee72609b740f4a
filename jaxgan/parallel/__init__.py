"""Devices, processes, and the leading axis of several runs in one program."""
