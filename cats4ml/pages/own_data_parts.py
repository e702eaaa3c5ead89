"""What is kept about a person, over all apps: what their file holds of each table, and what it deliberately doesn't.

A test walks every table that points to a person or to a part of theirs, and fails for one that stands in neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db.models import F
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Part:
    """`file`: its name without `.json`. `model`: as `app.Model`. `who`: the lookup that leads to the person; '' for the
    person themselves. `fields`: columns as they are; `more`: columns by name that are read elsewhere."""

    file: str
    model: str
    who: str
    words: str | Promise
    fields: tuple[str, ...]
    more: Mapping[str, str | Combinable] = field(default_factory=dict)

    @property
    def covers(self) -> str:
        return f"{self.model}.{self.who.split('__')[0]}"


EDITION = {"challenge": "challenge__slug"}
OF_THE_PART = {"challenge": "participation__challenge__slug"}
OF_THE_RATER = {"challenge": "rater__challenge__slug"}
PICTURE = {"image_id": "pair__image__image_id", "label_id": "pair__label__key"}
# Of a pair or of a control question: an answer must not tell which of the two it was.
ASKED = {
    "image_id": Coalesce(F("pair__image__image_id"), F("control__image__image_id")),
    "label_id": Coalesce(F("pair__label__key"), F("control__label__key")),
}

PARTS = (
    Part(
        "account", "accounts.User", "", _("Your account."),
        ("username", "first_name", "last_name", "email", "language", "time_zone", "date_joined", "last_login",
         "is_simulated", "is_guest", "is_staff", "is_superuser"),
    ),
    Part("addresses", "account.EmailAddress", "user", _("Your email addresses."), ("email", "verified", "primary")),
    Part(
        "other_sign_ins", "socialaccount.SocialAccount", "user", _("Accounts at other sites with which you sign in."),
        ("provider", "uid", "last_login", "date_joined", "extra_data"),
    ),
    Part(
        "second_factors", "mfa.Authenticator", "user", _("Your second factors, without their secrets."),
        ("type", "created_at", "last_used_at"),
    ),
    Part(
        "sessions", "usersessions.UserSession", "user", _("Where you are signed in."),
        ("created_at", "last_seen_at", "ip", "user_agent"),
    ),
    Part(
        "tokens", "accounts.ApiToken", "user", _("Your API tokens, without anything by which they could be used."),
        ("name", "prefix", "scopes", "created_at", "last_used_at", "expires_at", "revoked_at"),
    ),
    Part(
        "notices", "accounts.Notice", "user", _("What you were told, and when you read it."),
        ("kind", "what", "values", "url", "created_at", "on_site", "by_mail", "mailed_at", "read_at"),
    ),
    Part("notice_choices", "accounts.NoticeChoice", "user", _("How you want to be told."),
         ("kind", "on_site", "by_mail")),
    Part("teams", "accounts.TeamMembership", "user", _("Teams that you are or were in."),
         ("created_at", "left_at"), {"team": "team__name"}),
    Part("teams_led", "accounts.Team", "captain", _("Teams whose captain you are."), ("name", "created_at")),
    Part("team_invitations", "accounts.TeamInvitation", "user", _("Teams that you were asked into."),
         ("created_at", "ends_at", "declined_at", "revoked_at"), {"team": "team__name"}),
    Part("team_invitations_made", "accounts.TeamInvitation", "by", _("Invitations that you made."),
         ("places", "created_at", "ends_at", "revoked_at"), {"team": "team__name"}),
    Part("own_data", "accounts.OwnData", "user", _("That you asked for this file."), ("state", "requested_at")),
    Part(
        "participations", "challenges.Participation", "user", _("Challenges that you take or took part in."),
        ("role", "consented_at", "consent_version", "left_at", "disqualified_at", "disqualified_reason", "is_baseline",
         "created_at"),
        {**EDITION, "team": "team__name"},
    ),
    Part(
        "consents", "challenges.Consent", "participation__user", _("What you agreed to and confirmed, as it stood."),
        ("age_confirmed", "eligibility_confirmed", "also_agreed", "agreed_at", "withdrawn_at"),
        {**OF_THE_PART, "version": "text__version", "text": "text__text"},
    ),
    Part(
        "submissions", "submissions.Submission", "participation__user", _("Your claims, with what you wrote of them."),
        ("rationale", "charged", "created_at", "retracted_at"),
        {**OF_THE_PART, **PICTURE, "team": "team__name"},
    ),
    Part("uploads", "submissions.Upload", "participation__user", _("Files of claims that you sent."),
         ("filename", "state", "created_at", "submitted_at"), OF_THE_PART),
    Part(
        "upload_rows", "submissions.UploadRow", "upload__participation__user", _("The rows of these files."),
        ("line", "image_id", "label_id", "rationale", "problem"),
        {"upload": "upload__filename", "challenge": "upload__participation__challenge__slug"},
    ),
    Part("basket", "submissions.BasketItem", "participation__user", _("Pictures that you put aside."),
         ("rationale", "created_at"),
         {**OF_THE_PART, "image_id": "image__image_id", "label_id": "label__key"}),
    Part(
        "credits", "submissions.Credit", "participation__user", _("What your claims earned, entry by entry."),
        ("kind", "points", "adverse", "outcome", "created_at"), {**EDITION, **PICTURE},
    ),
    Part(
        "disputes", "submissions.Dispute", "submission__participation__user", _("Outcomes that you disputed."),
        ("reason", "outcome", "state", "answer", "created_at", "decided_at"),
        {"challenge": "submission__participation__challenge__slug", "image_id": "submission__pair__image__image_id",
         "label_id": "submission__pair__label__key"},
    ),
    Part(
        "ratings", "review.Rating", "rater__user", _("Your answers as a rater."),
        ("answer", "state", "created_at", "final_at", "seconds", "device"), {**OF_THE_RATER, **ASKED},
    ),
    Part("questions", "review.Lease", "rater__user", _("Questions that you were given."),
         ("created_at", "shown_at", "expires_at", "closed_at", "ended"), {**OF_THE_RATER, **ASKED}),
    Part("reports", "review.PictureReport", "rater__user", _("Pictures that you reported as a rater."),
         ("kind", "note", "created_at", "resolved_at"), {**OF_THE_RATER, **ASKED}),
    Part("complaints", "catalog.PictureComplaint", "by", _("Pictures that you reported outside rating."),
         ("kind", "note", "contact", "created_at", "resolved_at", "resolution"), {"image_id": "image__image_id"}),
    Part("pauses", "review.RaterPause", "rater__user", _("When your rating was paused, and why."),
         ("cause", "evidence", "created_at", "decision", "decided_at"), OF_THE_RATER),
    Part("discounts", "review.RaterDiscount", "rater__user", _("When your answers were taken out, and why."),
         ("reason", "created_at", "lifted_at", "lifted_reason"), OF_THE_RATER),
    Part(
        "study_visits", "review.StudyVisit", "rater__user", _("Paid studies that you came by."),
        ("started_at", "completed_at"), {"study": "study__title", "external_id": "identity__external_id"},
    ),
    Part(
        "evaluations", "releases.Evaluation", "by", _("Classifiers that you had judged."),
        ("name", "description", "source", "state", "threshold", "is_listed", "created_at", "finished_at", "results"),
        {"challenge": "release__challenge__slug", "release": "release__version"},
    ),
    Part("organiser_acts", "challenges.OrganiserAct", "by", _("What you did as an organiser: kind, where and when."),
         ("kind", "created_at"), EDITION),
    Part("announcements", "challenges.Announcement", "by", _("What you announced as an organiser."),
         ("title", "text", "created_at", "taken_down_at"), EDITION),
)  # fmt: skip

WORK = "Work for an edition that was done as an organiser: it is about the edition, and in `organiser_acts`."
OTHERS = "It is about somebody else, and only names who decided; the decision is in `organiser_acts`."
COPY = "A copy of board lines: a kept board, or ranges drawn beside it."
LEFT_OUT: Mapping[str, str] = {
    "admin.LogEntry.user": WORK,
    "challenges.PolicyVersion.created_by": WORK,
    "challenges.PolicyDecision.by": WORK,
    "challenges.RosterVersion.created_by": WORK,
    "challenges.RosterDecision.by": WORK,
    "challenges.PoolDraw.by": WORK,
    "challenges.PoolOrder.by": WORK,
    "challenges.NearCopy.decided_by": WORK,
    "review.Study.created_by": WORK,
    "review.PolicyWork.by": WORK,
    "review.ControlQuestion.created_by": WORK,
    "releases.Release.requested_by": WORK,
    "releases.Release.published_by": WORK,
    "releases.Release.freed_by": WORK,
    "submissions.Adjudication.by": WORK,
    "catalog.Takedown.by": WORK,
    "catalog.Takedown.lifted_by": WORK,
    "catalog.PictureComplaint.resolved_by": OTHERS,
    "submissions.Dispute.decided_by": OTHERS,
    "submissions.Credit.by": OTHERS,
    "review.RaterPause.decided_by": OTHERS,
    "review.RaterDiscount.by": OTHERS,
    "review.RaterDiscount.lifted_by": OTHERS,
    "review.RaterSkill.rater": "An estimate made anew every minute from answers that are in `ratings`; with it "
    "control questions could be told from others.",
    "review.Waiting.finder": "The raters’ queue, counted from `submissions`.",
    "leaderboard.Standing.participation": "Counted anew from `submissions` and `credits`; the board itself may be "
    "hidden or frozen until the end.",
    "leaderboard.KeptStanding.participation": COPY,
    "leaderboard.DrawnRange.participation": COPY,
}
