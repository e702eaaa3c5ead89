"""The CATS4ML platform: crowdsourced adversarial test sets for image classifiers."""

from cats4ml.celery import app as celery_app

__all__ = ["celery_app"]
