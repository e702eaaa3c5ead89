"""What can be wrong with one row of a submission, and how to mend it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy

from cats4ml.ui.words import figure


class Problem(models.TextChoices):
    MALFORMED = "malformed", gettext_lazy("The row has the wrong number of columns")
    BAD_CHARACTER = "bad_character", gettext_lazy("The row holds a character that can’t be kept")
    MISSING_IMAGE = "missing_image", gettext_lazy("Picture ID is missing")
    MISSING_LABEL = "missing_label", gettext_lazy("Label is missing")
    LONG_RATIONALE = "long_rationale", gettext_lazy("Rationale is too long")
    UNKNOWN_IMAGE = "unknown_image", gettext_lazy("Picture is not in the target pool")
    UNKNOWN_LABEL = "unknown_label", gettext_lazy("Label is not a target label")
    AMBIGUOUS_LABEL = "ambiguous_label", gettext_lazy("Several labels have this name")
    REPEATED = "repeated", gettext_lazy("Same pair earlier in this file")
    OWN_CLAIM = "own_claim", gettext_lazy("You already claimed this pair")
    TEAM_CLAIM = "team_claim", gettext_lazy("Your team already claimed this pair")
    RATED = "rated", gettext_lazy("You or a team-mate rated this pair")
    UNSCORABLE = "unscorable", gettext_lazy("The picture of this pair can’t be scored")
    TAKEN_DOWN = "taken_down", gettext_lazy("This picture was taken down")
    TAKEN_OUT = "taken_out", gettext_lazy("The organisers took this pair out")
    LEFT_OVER = "left_over", gettext_lazy("This pair was settled, and its claims have fallen away")
    OVER_QUOTA = "over_quota", gettext_lazy("Over your quota")

    @property
    def remedy(self) -> str:
        return _REMEDIES[self] % {"most": figure(MAX_RATIONALE)}

    @property
    def is_duplicate(self) -> bool:
        return self in (Problem.OWN_CLAIM, Problem.TEAM_CLAIM, Problem.REPEATED)


MAX_RATIONALE = 1000
NEAR_COPY_CLAIMED = gettext_lazy(
    "A near-copy of this picture is claimed for this label already: yours will be rated and released but earns nothing."
)

_REMEDIES = {
    Problem.MALFORMED: gettext_lazy(
        "Give each row image_id, label_id and, if you like, rationale; quote a text with commas."
    ),
    Problem.BAD_CHARACTER: gettext_lazy("Remove the NUL characters, or save the file as “CSV UTF-8”."),
    Problem.MISSING_IMAGE: gettext_lazy("Fill in the first column."),
    Problem.MISSING_LABEL: gettext_lazy("Fill in the second column."),
    Problem.LONG_RATIONALE: gettext_lazy("Shorten it to %(most)s characters."),
    Problem.UNKNOWN_IMAGE: gettext_lazy(
        "Check the ID against the image list. Spreadsheets drop leading zeros: format it as text."
    ),
    Problem.UNKNOWN_LABEL: gettext_lazy("Use the ID or the name of one of the target labels."),
    Problem.AMBIGUOUS_LABEL: gettext_lazy("Use the label’s ID instead of its name."),
    Problem.REPEATED: gettext_lazy("Nothing to do. The first of the lines is kept."),
    Problem.OWN_CLAIM: gettext_lazy("Leave it out. Your first claim stands."),
    Problem.TEAM_CLAIM: gettext_lazy("Leave it out. Your team-mate’s claim stands for the team."),
    Problem.RATED: gettext_lazy("Leave it out. Nobody claims a pair that they, or somebody of their team, judged."),
    Problem.UNSCORABLE: gettext_lazy("Choose another picture."),
    Problem.TAKEN_DOWN: gettext_lazy("Choose another picture. It costs you nothing."),
    Problem.TAKEN_OUT: gettext_lazy("Choose another pair. It costs you nothing."),
    Problem.LEFT_OVER: gettext_lazy(
        "Choose another pair: how this one ended is decided, and it earns nobody anything."
    ),
    Problem.OVER_QUOTA: gettext_lazy(
        "Wait until claims of yours turn out adverse: each adds to your quota. Or leave some rows out."
    ),
}
