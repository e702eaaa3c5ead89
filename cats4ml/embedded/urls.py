"""The addresses of servers, as pure functions of the folder of their sockets."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

DATABASE = "cats4ml"
ROLE = "cats4ml"


@dataclass(frozen=True, kw_only=True)
class ServerUrls:
    """``database_url`` for Django; ``redis_url`` for redis-py and Django's cache. `scoring.broker` has Celery's."""

    database_url: str
    redis_url: str


def postgres_folder(sockets: Path) -> Path:
    """The folder that holds PostgreSQL's socket."""
    return sockets / "pg"


def redis_socket(sockets: Path) -> Path:
    """Redis's socket."""
    return sockets / "redis" / "redis.sock"


def urls_of(sockets: Path) -> ServerUrls:
    """The addresses of the servers whose sockets lie below `sockets`."""
    query = urlencode({"host": str(postgres_folder(sockets))}, safe="/")
    return ServerUrls(
        database_url=f"postgresql://{ROLE}@/{DATABASE}?{query}",
        redis_url=f"unix://{redis_socket(sockets)}?db=0",
    )
