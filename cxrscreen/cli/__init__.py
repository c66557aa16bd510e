"""The command line: thin commands over the same use cases that the flows call."""

from cxrscreen.cli.commands import app, main

__all__ = ["app", "main"]
