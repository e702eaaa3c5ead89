"""A private PostgreSQL and Redis for one checkout, out of PyPI wheels, when no other is named.

What is promised
----------------
* ``ensure()`` gives this process (and, through the environment, its children) ``DATABASE_URL`` and ``REDIS_URL``. What
  the environment names already is left alone. ``servers(home)`` does the same as a context and leaves the environment.
* Every user of a server holds a shared lock on a file. A small *keeper* process, one for each server, starts it, starts
  it again if it dies, and stops it when the last lock is gone. Locks vanish with their process, so any of the processes
  may be killed with ``kill -9`` in any order: nothing stays behind, and the data survive.
* Two homes never meet: locks, sockets and data are named after the home folder.

Where things lie
----------------
``CATS4ML_HOME`` (default ``<checkout>/var``) holds ``run/`` (locks), ``logs/`` and, as a rule, ``postgres/`` and
``redis/``. Sockets lie in ``/tmp/cats4ml-<uid>-<hash of home>/``, for a socket's path may not exceed 107 bytes.

PostgreSQL refuses to run as root. Started by root, both servers run as ``nobody``: no OS user is made, and the mode or
owner of a folder that is not ours is never changed. Where ``nobody`` cannot reach the home (a checkout below a folder
of mode 700, say) the data lie in ``/var/lib/cats4ml/homes/<hash of home>/``, and where it cannot reach the wheels a
copy of their servers lies in ``/var/lib/cats4ml/binaries/<wheel>-<version>/``. ``CATS4ML_STATE_DIR`` names another
place than ``/var/lib/cats4ml``. Data once begun in one of the two places stay there.

Only the user who starts the servers can reach them: there is no TCP port, the sockets' folders are closed to others,
and PostgreSQL asks the kernel who is calling (``peer``), so that not even another process of ``nobody`` may log in.
"""

from .errors import EmbeddedServerError
from .urls import ServerUrls
from .use import announce, ensure, erase, keep_alive, release, servers, temporary_servers

__all__ = [
    "EmbeddedServerError",
    "ServerUrls",
    "announce",
    "ensure",
    "erase",
    "keep_alive",
    "release",
    "servers",
    "temporary_servers",
]
