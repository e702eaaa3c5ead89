"""The classifiers: what they are (cards and rosters), how they are built, loaded and run. No Celery, no Django.

`spec`, `architectures`, `fields` and `roster` are standard library only and import in milliseconds; the other
modules import torch.
"""
