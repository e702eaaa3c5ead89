"""The people of `benchmarks.load`, in a process of their own: `python -m benchmarks.load_people PLAN.json`.

Each looks, thinks, acts. Every request has a connection of its own, as after a pause longer than the server's patience.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
from collections import Counter
from itertools import cycle
from pathlib import Path
from typing import Any

import gevent
import psutil

# First, for it replaces the sockets of all that is imported after it.
from locust import FastHttpUser, between, events, task
from locust.env import Environment

PLAN = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
SLUG = PLAN["slug"]
BASE = f"/challenges/{SLUG}"
API = f"/api/v1/challenges/{SLUG}"
TOKEN = re.compile(r'name="token" value="([0-9a-f-]{36})"')
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
THUMBNAIL = re.compile(r'src="(/pictures/[0-9a-f-]{36}/[^"]*)"')
PATIENCE_SECONDS = 90.0
_people = {kind: cycle(people) for kind, people in PLAN["people"].items()}


class Person(FastHttpUser):
    abstract = True
    host = PLAN["address"]
    network_timeout = connection_timeout = PATIENCE_SECONDS
    kind = ""

    def on_start(self) -> None:
        self.me = next(_people[self.kind])
        self.chance = random.Random(self.me["name"])
        self.wait_a_little()

    def wait_a_little(self) -> None:
        """Nobody comes at the same moment as all others."""
        gevent.sleep(self.chance.uniform(0, 20))

    def ask(self, method: str, path: str, name: str, **more: Any) -> Any:
        headers = {"Connection": "close", "Cookie": f"sessionid={self.me['session']}", **more.pop("headers", {})}
        return self.client.request(method, path, name=name, headers=headers, **more)

    def api(self, method: str, path: str, name: str, **more: Any) -> Any:
        headers = {"Connection": "close", "Authorization": f"Token {self.me['token']}"}
        return self.client.request(method, f"{API}{path}", name=name, headers=headers, **more)

    def send(self, page: str, path: str, name: str, data: dict[str, str]) -> Any:
        """A form of this page. Its secret stands in the page and in a cookie; without JavaScript both come back."""
        found = CSRF.search(page)
        if found is None:
            return None
        headers = {
            "Cookie": f"sessionid={self.me['session']}; csrftoken={self.me['csrf']}",
            "X-CSRFToken": self.me["csrf"],
            "HX-Request": "true",
        }
        return self.ask("POST", path, name, data=data, headers=headers)


class Finder(Person):
    kind = "finders"
    weight = 4
    wait_time = between(10, 40)

    @task(6)
    def explore(self) -> None:
        page = self.ask("GET", f"{BASE}/explore/?page={self.chance.randrange(1, 20)}", "explore")
        pictures = list(dict.fromkeys(THUMBNAIL.findall(page.text or "")))
        for path in self.chance.sample(pictures, min(PLAN["thumbnails"], len(pictures))):
            self.ask("GET", path.replace("&amp;", "&"), "thumbnail")

    @task(2)
    def claim_by_page(self) -> None:
        page = self.ask("GET", f"{BASE}/submit/", "submit")
        gevent.sleep(self.chance.uniform(3, 10))
        image, label = self.chance.choice(PLAN["images"]), self.chance.choice(PLAN["labels"])
        claim = {"image_id": image, "label_id": label, "rationale": "It looks like something else."}
        self.send(page.text or "", f"{BASE}/submit/pair/", "claim", claim)

    @task(2)
    def claim_by_api(self) -> None:
        image, label = self.chance.choice(PLAN["images"]), self.chance.choice(PLAN["labels"])
        self.api("POST", "/submissions/", "api claim", json={"image_id": image, "label_id": label})

    @task(3)
    def look_at_mine(self) -> None:
        self.ask("GET", f"{BASE}/submissions/", "submissions")


class Rater(Person):
    kind = "raters"
    weight = 4
    wait_time = between(3, 9)
    page = ""

    @task(3)
    def answer_by_page(self) -> None:
        if not TOKEN.search(self.page):
            self.page = self.ask("GET", f"{BASE}/review/", "review").text or ""
        found = TOKEN.search(self.page)
        if found is None:
            return
        self.ask("GET", f"{BASE}/review/pictures/{found[1]}/", "question's picture")
        gevent.sleep(self.chance.uniform(2, 6))
        answer = {"token": found[1], "answer": self.chance.choice(["yes", "no", "no"]), "device": "desktop"}
        answered = self.send(self.page, f"{BASE}/review/answer/", "answer", answer)
        self.page = (answered.text if answered is not None else "") or ""
        if not CSRF.search(self.page):
            self.page = ""

    @task(1)
    def answer_by_api(self) -> None:
        question = self.api("GET", "/ratings/next/", "api next")
        if question.status_code == 200:
            token = json.loads(question.text)["token"]
            self.api("POST", "/ratings/", "api answer", json={"token": token, "answer": "no"})


class Watcher(Person):
    kind = "watchers"
    weight = 2
    wait_time = between(5, 20)

    @task(3)
    def board(self) -> None:
        self.ask("GET", f"{BASE}/leaderboard/", "leaderboard")

    @task(2)
    def fragment(self) -> None:
        self.ask("GET", f"{BASE}/leaderboard/", "leaderboard's news", headers={"HX-Request": "true"})

    @task(1)
    def challenge(self) -> None:
        self.ask("GET", f"{BASE}/", "challenge")

    @task(1)
    def queue(self) -> None:
        self.ask("GET", f"{BASE}/queue/", "queue")

    @task(1)
    def standings(self) -> None:
        self.api("GET", "/standings/", "api standings")


def run() -> dict[str, Any]:
    environment = Environment(user_classes=[Finder, Rater, Watcher], events=events)
    answers: Counter[str] = Counter()

    def note(response: Any = None, exception: Any = None, **_: Any) -> None:
        status = getattr(response, "status_code", 0) or 0
        answers[str(status) if status else f"none: {type(exception).__name__}"] += 1

    environment.events.request.add_listener(note)
    runner = environment.create_local_runner()
    began = time.monotonic()
    runner.start(PLAN["number"], spawn_rate=max(1, PLAN["number"] / 10))
    gevent.sleep(PLAN["seconds"])
    runner.stop()
    cpu = psutil.Process().cpu_times()
    seconds = time.monotonic() - began
    pages = {
        entry.name: {
            "requests": entry.num_requests,
            **{f"p{share} ms": entry.get_response_time_percentile(share / 100) for share in (50, 95, 99)},
            "worst ms": round(entry.max_response_time),
        }
        for entry in sorted(environment.stats.entries.values(), key=lambda one: one.name)
    }
    return {
        "pages": pages,
        "answers": dict(sorted(answers.items())),
        "requests_per_second": round(environment.stats.total.num_requests / seconds, 1),
        "people_took_of_a_core": round((cpu.user + cpu.system) / seconds, 2),
    }


if __name__ == "__main__":
    figures = run()
    sys.stdout.write(json.dumps(figures))
    sys.stdout.flush()
    os._exit(0)  # nobody waits for greenlets that still wait for an answer
