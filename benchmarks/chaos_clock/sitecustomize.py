"""Sets the clock of this process as the file named by CHAOS_CLOCK says: seconds ahead, or behind. For `chaos.py` alone.

Python imports it at the start of every process that has this folder on its path. What is set is what Python sees as the
time of day; the clock that only counts seconds (`time.monotonic`) goes on, as it does where a machine's date is set.
"""

import contextlib
import os
import threading
import time

if os.environ.get("CHAOS_CLOCK"):  # before any thread or fork: an import that is cut in two can't be used
    import time_machine

_pause = time.sleep


def _follow(path: str) -> None:
    ahead, traveller = 0.0, None
    while True:
        with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:  # noqa: PTH123
            wanted = float(file.read() or 0)
            if wanted != ahead:
                if traveller is not None:
                    traveller.stop()
                traveller = time_machine.travel(time.time() + wanted, tick=True) if wanted else None
                if traveller is not None:
                    traveller.start()
                ahead = wanted
        _pause(0.5)


def _begin() -> None:
    threading.Thread(target=_follow, args=(os.environ["CHAOS_CLOCK"],), daemon=True).start()


if os.environ.get("CHAOS_CLOCK"):
    _begin()
    os.register_at_fork(after_in_child=_begin)
