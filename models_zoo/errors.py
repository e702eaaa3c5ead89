"""What can go wrong with a classifier once its card is accepted."""

from __future__ import annotations


class ClassifierError(RuntimeError):
    """A classifier can't be loaded or asked as its card says; the text says why and how to mend it."""


class FetchError(RuntimeError):
    """Weights can't be had; the text says why and how to mend it."""
