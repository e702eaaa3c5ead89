"""The classifiers: what they are (cards and rosters), how they are built, loaded and run. No Celery, no Django.

`spec`, `card_parts`, `architectures`, `fields`, `label_map` and `roster` are standard library only and import in
milliseconds; most other modules import torch.
"""
