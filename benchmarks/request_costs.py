"""The part of `benchmarks.requests` that needs Django set up."""

from __future__ import annotations

import argparse
import cProfile
import io
import json
import pstats
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import product
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlencode

import psutil
from django.conf import settings
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from benchmarks.load_site import POLICY, SLUG, stage
from cats4ml.leaderboard.actions import recount_boards
from cats4ml.operations.middleware import DatabaseTime
from cats4ml.submissions.models import Pair

WARM_UP = 5
MOST_FUNCTIONS = 45
BASE, API = f"/challenges/{SLUG}", f"/api/v1/challenges/{SLUG}"
TOKEN = re.compile(r'name="token" value="([0-9a-f-]{36})"')
THUMBNAIL = re.compile(r'src="(/pictures/[0-9a-f-]{36}/[^"]*)"')
# Nobody is paused who answers at once.
HASTY = replace(POLICY, fast_seconds=0, same_answers=0)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class Cost:
    """What the requests of one kind took: milliseconds of this process and of the database's, and statements."""

    cpu: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    statements: list[int] = field(default_factory=list)
    database: float = 0.0

    def figures(self) -> dict[str, float]:
        return {
            "CPU ms": round(quantiles(self.cpu, n=4)[0], 1),
            "statements": round(median(self.statements)),
            "database CPU ms": round(self.database / len(self.cpu), 1),
            "waited for the database ms": round(median(self.waited), 1),
        }


class Person:
    """Somebody of the edition, who asks the site in this process."""

    def __init__(self, person: dict[str, str], site: Callable[..., Any]) -> None:
        self.person = person
        self.site = site
        self.factory = RequestFactory()

    def ask(self, method: str, path: str, *, data: Any = None, api: bool = False, **headers: str) -> tuple[int, str]:
        """Status and text. Forms come with the secret that the browser's cookie has."""
        sent = {"Accept": "text/html,*/*", **{name.replace("_", "-"): value for name, value in headers.items()}}
        kind = "application/json" if api else "application/x-www-form-urlencoded"
        if api:
            sent["Authorization"] = f"Token {self.person['token']}"
        else:
            cookies = {settings.SESSION_COOKIE_NAME: self.person["session"], "csrftoken": self.person["csrf"]}
            sent |= {"Cookie": "; ".join(map("=".join, cookies.items())), "X-CSRFToken": self.person["csrf"]}
        body = json.dumps(data) if api else urlencode(data or {})
        made = self.factory.generic(method, path, body if data else "", content_type=kind, headers=sent)
        answer = self.site({**made.environ, "SERVER_NAME": "localhost"}, lambda *_: None)
        try:
            content = b"".join(answer)
        finally:
            answer.close()
        if answer.status_code >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {content[:500]!r}")
        return answer.status_code, content.decode(errors="replace")


class Measuring:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.costs: dict[str, Cost] = {}

    def page(self, name: str, ask: Callable[[], Any], *, before: Callable[[], Any] | None = None) -> None:
        """Ask again and again, after `before` each time, which is not counted."""
        if self.options.only and not any(word in name for word in self.options.only):
            return
        profile = cProfile.Profile() if self.options.profile else None
        cost = self.costs[name] = Cost()
        for number in range(WARM_UP + self.options.looks):
            if before is not None:
                before()
            if number == WARM_UP - 1 and self.options.statements:
                self._statements(name, ask)
            elif number < WARM_UP:
                ask()
            else:
                self._one(cost, ask, profile)
        say(f"{name:32} {cost.figures()}")
        if profile is not None:
            out = io.StringIO()
            pstats.Stats(profile, stream=out).sort_stats("cumulative").print_stats(MOST_FUNCTIONS)
            say(out.getvalue())

    def _one(self, cost: Cost, ask: Callable[[], Any], profile: cProfile.Profile | None) -> None:
        database, server = DatabaseTime(), _database_process()
        server_before = sum(server.cpu_times()[:2])
        with connection.execute_wrapper(database), profile or nullcontext():
            began = time.process_time()
            ask()
            cost.cpu.append((time.process_time() - began) * 1000)
        cost.database += (sum(server.cpu_times()[:2]) - server_before) * 1000
        cost.waited.append(database.seconds * 1000)
        cost.statements.append(database.statements)

    def _statements(self, name: str, ask: Callable[[], Any]) -> None:
        with CaptureQueriesContext(connection) as asked:
            ask()
        say(f"{name}: {len(asked)} statements")
        for one in asked.captured_queries:
            say(f"    {float(one['time']) * 1000:4.0f} ms  {' '.join(one['sql'].split())[:400]}")


def _database_process() -> psutil.Process:
    connection.ensure_connection()
    return psutil.Process(connection.connection.info.backend_pid)


def measure(options: argparse.Namespace) -> dict[str, dict[str, float]]:
    connection.settings_dict["CONN_MAX_AGE"] = None  # one process of PostgreSQL from the first request to the last
    settings.PAGE_RATES = dict.fromkeys(settings.PAGE_RATES, (10**9, 60))
    plan = stage(people=40, pairs=options.pairs, spare=5 + options.looks // 4, policy=HASTY)
    recount_boards(at=timezone.now())
    site, measuring, chance = get_wsgi_application(), Measuring(options), random.Random(7)
    # The first of the finders claimed half of everything.
    finder, other, rater, watcher = (
        Person(plan["people"][kind][number], site)
        for kind, number in (("finders", 1), ("finders", 2), ("raters", 0), ("watchers", 0))
    )
    _finders_pages(measuring, finder, plan, chance)
    # Of the other one everything is scored, and nearly everything in review.
    measuring.page("submissions in review", lambda: other.ask("GET", f"{BASE}/submissions/"))
    _raters_pages(measuring, rater)
    _watchers_pages(measuring, watcher)
    return {name: cost.figures() for name, cost in measuring.costs.items()}


def _finders_pages(measuring: Measuring, finder: Person, plan: dict[str, Sequence[str]], chance: random.Random) -> None:
    _, gallery = finder.ask("GET", f"{BASE}/explore/")
    pictures = [path.replace("&amp;", "&") for path in dict.fromkeys(THUMBNAIL.findall(gallery))]
    # Each pair once, and none that somebody claimed before.
    taken = set(Pair.objects.values_list("image__image_id", "label__key"))
    every = [pair for pair in product(plan["images"], plan["labels"]) if pair not in taken]
    chance.shuffle(every)

    def pair() -> dict[str, str]:
        image, label = every.pop()
        return {"image_id": image, "label_id": label}

    def claim_and_look() -> None:
        claim()
        finder.ask("GET", f"{BASE}/submissions/")

    def claim() -> None:
        finder.ask("POST", f"{BASE}/submit/pair/", data={**pair(), "rationale": "It looks like something else."})

    measuring.page("explore", lambda: finder.ask("GET", f"{BASE}/explore/"))
    measuring.page("thumbnail", lambda: finder.ask("GET", chance.choice(pictures)))
    measuring.page("submit", lambda: finder.ask("GET", f"{BASE}/submit/"))
    measuring.page("claim by form", claim)
    measuring.page("claim by form, and the page", claim_and_look)
    measuring.page("claim by API", lambda: finder.ask("POST", f"{API}/submissions/", data=pair(), api=True))
    measuring.page("submissions", lambda: finder.ask("GET", f"{BASE}/submissions/"))


def _raters_pages(measuring: Measuring, rater: Person) -> None:
    asked: dict[str, str] = {}

    def look() -> None:
        found = TOKEN.search(rater.ask("GET", f"{BASE}/review/")[1])
        assert found is not None, "there is a question"
        asked["token"] = found[1]

    def answer() -> None:
        data = {"token": asked["token"], "answer": "no", "device": "desktop"}
        rater.ask("POST", f"{BASE}/review/answer/", data=data, HX_Request="true")

    def look_by_api() -> None:
        asked["token"] = json.loads(rater.ask("GET", f"{API}/ratings/next/", api=True)[1])["token"]

    def answer_by_api() -> None:
        data = {"token": asked["token"], "answer": "no"}
        rater.ask("POST", f"{API}/ratings/", data=data, api=True)

    look()
    measuring.page("review", look)
    measuring.page("question's picture", lambda: rater.ask("GET", f"{BASE}/review/pictures/{asked['token']}/"))
    measuring.page("answer", answer, before=look)
    measuring.page("next by API", look_by_api)
    measuring.page("answer by API", answer_by_api, before=look_by_api)


def _watchers_pages(measuring: Measuring, watcher: Person) -> None:
    board = f"{BASE}/leaderboard/"
    measuring.page("board", lambda: watcher.ask("GET", board))
    measuring.page("board, cold", lambda: watcher.ask("GET", board), before=cache.clear)
    measuring.page("board's news", lambda: watcher.ask("GET", board, HX_Request="true"))
    measuring.page("challenge", lambda: watcher.ask("GET", f"{BASE}/"))
    measuring.page("queue", lambda: watcher.ask("GET", f"{BASE}/queue/"))
    measuring.page("standings by API", lambda: watcher.ask("GET", f"{API}/standings/", api=True))
