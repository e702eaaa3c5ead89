"""Recorded votes and real pictures, played once more through the platform: claims, workers, ratings, verdicts."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from cats4ml.accounts.models import User
from cats4ml.catalog.actions import NewLabel, add_classifier, add_images, add_labels, picture_suffix, store_picture
from cats4ml.catalog.models import Image
