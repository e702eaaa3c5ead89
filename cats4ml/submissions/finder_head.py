"""What stands at the head of every page on which a participant finds and claims."""

from __future__ import annotations

from typing import Any

from cats4ml.challenges.models import Participation
from cats4ml.submissions.queries import quota_and_basket


def finder_head(finder: Participation | None) -> dict[str, Any]:
    """The participant's quota and how full their basket is, for `submissions/_finder_head.html`; for others nothing."""
    if finder is None:
        return {"quota": None, "basket_count": 0}
    quota, basket = quota_and_basket(finder)
    return {"quota": quota, "basket_count": basket}
