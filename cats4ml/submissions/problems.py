"""What can be wrong with one row of a submission, and how to mend it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Problem(models.TextChoices):
    MALFORMED = "malformed", _("The row has the wrong number of columns")
    BAD_CHARACTER = "bad_character", _("The row holds a character that can’t be kept")
    MISSING_IMAGE = "missing_image", _("Picture ID is missing")
    MISSING_LABEL = "missing_label", _("Label is missing")
    LONG_RATIONALE = "long_rationale", _("Rationale is too long")
    UNKNOWN_IMAGE = "unknown_image", _("Picture is not in the target pool")
    UNKNOWN_LABEL = "unknown_label", _("Label is not a target label")
    AMBIGUOUS_LABEL = "ambiguous_label", _("Several labels have this name")
    REPEATED = "repeated", _("Same pair earlier in this file")
    OWN_CLAIM = "own_claim", _("You already claimed this pair")
    TEAM_CLAIM = "team_claim", _("Your team already claimed this pair")
    RATED = "rated", _("You or a team-mate rated this pair")
    UNSCORABLE = "unscorable", _("The picture of this pair can’t be scored")
    TAKEN_OUT = "taken_out", _("The organisers took this pair out")
    LEFT_OVER = "left_over", _("This pair was settled, and its claims have fallen away")
    OVER_QUOTA = "over_quota", _("Over your quota")

    @property
    def remedy(self) -> str:
        return _REMEDIES[self]

    @property
    def is_duplicate(self) -> bool:
        return self in (Problem.OWN_CLAIM, Problem.TEAM_CLAIM, Problem.REPEATED)


MAX_RATIONALE = 1000
NEAR_COPY_CLAIMED = (
    "A near-copy of this picture is claimed for this label already: yours will be rated and released but earns nothing."
)

_REMEDIES = {
    Problem.MALFORMED: "Give each row image_id, label_id and, if you like, rationale; quote a text with commas.",
    Problem.BAD_CHARACTER: "Remove the NUL characters, or save the file as “CSV UTF-8”.",
    Problem.MISSING_IMAGE: "Fill in the first column.",
    Problem.MISSING_LABEL: "Fill in the second column.",
    Problem.LONG_RATIONALE: f"Shorten it to {MAX_RATIONALE:,} characters.",
    Problem.UNKNOWN_IMAGE: "Check the ID against the image list. Spreadsheets drop leading zeros: format it as text.",
    Problem.UNKNOWN_LABEL: "Use the ID or the name of one of the target labels.",
    Problem.AMBIGUOUS_LABEL: "Use the label’s ID instead of its name.",
    Problem.REPEATED: "Nothing to do. The first of the lines is kept.",
    Problem.OWN_CLAIM: "Leave it out. Your first claim stands.",
    Problem.TEAM_CLAIM: "Leave it out. Your team-mate’s claim stands for the team.",
    Problem.RATED: "Leave it out. Nobody claims a pair that they, or somebody of their team, judged.",
    Problem.UNSCORABLE: "Choose another picture.",
    Problem.TAKEN_OUT: "Choose another pair. It costs you nothing.",
    Problem.LEFT_OVER: "Choose another pair: how this one ended is decided, and it earns nobody anything.",
    Problem.OVER_QUOTA: "Wait until claims of yours turn out adverse: each adds to your quota. Or leave some rows out.",
}
