"""The classifiers that a worker has loaded."""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from pathlib import Path

from models_zoo.classifier import Runnable
from models_zoo.loading import Compute, load
from models_zoo.spec import ClassifierSpec


class ClassifierCache:
    """The classifiers that are loaded, by digest; beyond `capacity` the longest unused one is let go.

    For use by several threads at once: while one loads a classifier, the others get those that are there.
    """

    def __init__(self, classifiers_dir: Path, compute: Compute, *, capacity: int = 8) -> None:
        self.compute = compute
        self.folder = classifiers_dir
        self._capacity = capacity
        self._guard = threading.Lock()
        self._loading: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._loaded: OrderedDict[str, Runnable] = OrderedDict()

    def ensemble(self, specs: Sequence[ClassifierSpec]) -> list[Runnable]:
        """All of them, in their order; `capacity` grows to their number, or each message would load them all again."""
        with self._guard:
            self._capacity = max(self._capacity, len({spec.digest for spec in specs}))
        return [self.get(spec) for spec in specs]

    def get(self, spec: ClassifierSpec) -> Runnable:
        """Raises `models_zoo.classifier.ClassifierError` if it can't be loaded as its card says."""
        digest = spec.digest
        with self._guard:
            loading = self._loading[digest]
        with loading:
            found = self._find(digest)
            if found is None:
                found = load(spec, self.folder, self.compute)
                self._keep(digest, found)
        return found

    def _find(self, digest: str) -> Runnable | None:
        with self._guard:
            if digest in self._loaded:
                self._loaded.move_to_end(digest)
            return self._loaded.get(digest)

    def _keep(self, digest: str, classifier: Runnable) -> None:
        with self._guard:
            self._loaded[digest] = classifier
            if len(self._loaded) > self._capacity:
                self._loaded.popitem(last=False)
