"""The web side's Celery app: queue `web`, and the clock that rings the sweeps. The database is the queue of record."""

from __future__ import annotations

import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

from scoring.broker import PRIORITY_STEPS
from scoring.contract import WEB_QUEUE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cats4ml.settings")

app = Celery("cats4ml")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_default_queue=WEB_QUEUE,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # Asked to stop (SIGTERM), a worker finishes what it holds; told a second time it still has these seconds.
    worker_soft_shutdown_timeout=10.0,
    broker_connection_retry_on_startup=True,
    # A lost message is rung again by a sweep within two minutes; Redis need not remember it for an hour.
    broker_transport_options={"visibility_timeout": 600, "priority_steps": PRIORITY_STEPS},
    beat_scheduler="cats4ml.clock:Clock",
    beat_schedule={
        "send mails": {"task": "cats4ml.accounts.tasks.send_mails", "schedule": 10.0},
        "tell of tokens that end, forget old mails": {
            "task": "cats4ml.accounts.tasks.keep_house",
            "schedule": 3600.0,
        },
        "look for what stands still": {"task": "cats4ml.console.tasks.look_for_standstills", "schedule": 15.0},
        "finalise due ratings": {"task": "cats4ml.review.tasks.finalise_due", "schedule": 5.0},
        "requeue what stalls": {"task": "cats4ml.submissions.tasks.sweep", "schedule": 15.0},
        "close leases that ran out": {"task": "cats4ml.review.tasks.close_leases", "schedule": 10.0},
        "make the raters' queues true": {"task": "cats4ml.review.tasks.sweep_queues", "schedule": 10.0},
        "rebuild raters' skill": {"task": "cats4ml.review.tasks.rebuild_skills", "schedule": 60.0},
        "build data files whose build died": {"task": "cats4ml.challenges.tasks.sweep_data_files", "schedule": 20.0},
        "build releases whose build died": {"task": "cats4ml.releases.tasks.sweep_releases", "schedule": 20.0},
        "put policies in force whose worker died": {
            "task": "cats4ml.review.tasks.sweep_policy_work",
            "schedule": 20.0,
        },
        "draw pools whose draw died": {"task": "cats4ml.challenges.tasks.sweep_pool_orders", "schedule": 20.0},
        "index embeddings that are searched": {
            "task": "cats4ml.challenges.tasks.index_embeddings",
            "schedule": 600.0,
        },
        "take evaluations on": {"task": "cats4ml.releases.tasks.sweep_evaluations", "schedule": 10.0},
        "make the mails of notices": {"task": "cats4ml.accounts.tasks.post_notice_mails", "schedule": 30.0},
        "tell of settled pairs": {"task": "cats4ml.submissions.tasks.tell_of_settled", "schedule": 600.0},
        "delete a paid crowd's ids": {"task": "cats4ml.review.tasks.forget_crowd_ids", "schedule": 3_600.0},
        "put own data together": {"task": "cats4ml.pages.tasks.sweep_own_data", "schedule": 30.0},
        "go on with takedowns": {"task": "cats4ml.console.tasks.sweep_takedowns", "schedule": 15.0},
        "recount the boards": {"task": "cats4ml.leaderboard.tasks.recount_all", "schedule": 30.0},
        "draw the ranks of boards that changed": {"task": "cats4ml.leaderboard.tasks.draw_all", "schedule": 60.0},
    },
)
app.autodiscover_tasks()


@setup_logging.connect
def log_as_the_site_does(loglevel: int, **_: Any) -> None:
    """A worker's lines look like the web server's; `--loglevel` says how many there are."""
    level = logging.getLevelName(loglevel)
    logging.config.dictConfig({**settings.LOGGING, "root": {**settings.LOGGING["root"], "level": level}})
