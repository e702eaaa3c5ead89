"""The command line for participants of a CATS4ML challenge."""

__version__ = "0.1.0"
