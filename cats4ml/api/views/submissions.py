# the framework calls these methods, and names their arguments
"""Claiming pairs, and one's own claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cats4ml.accounts.models import TokenScope
from cats4ml.api.documented import CLAIMS_CSV, ONE_CLAIM, OWN, WRITES, refusal
from cats4ml.api.errors import Conflict
from cats4ml.api.filters import CheckFilters, ClaimFilters, filter_claims, read_filters
from cats4ml.api.formats import CSVParser, LimitedJSONParser
from cats4ml.api.serializers import (
    ClaimSerializer,
    DisputeSerializer,
    ListedClaimSerializer,
    ReportSerializer,
    SubmissionDetailSerializer,
    SubmissionSerializer,
)
from cats4ml.api.views.base import EditionView
from cats4ml.challenges.models import Participation
from cats4ml.submissions.actions.claims import check_may_claim, retract_submission, submit_pairs
from cats4ml.submissions.actions.disputes import dispute_outcome
from cats4ml.submissions.claim_files import read_claims
from cats4ml.submissions.models import Submission
from cats4ml.submissions.presentation import ClaimView, claim_views, with_details
from cats4ml.submissions.problems import Problem
from cats4ml.submissions.queries import CheckedRow, ClaimRow, check_rows, first_claims, submissions_of
from cats4ml.submissions.waits import NO_WAITS, waits_of
from cats4ml.ui.words import figure

# A list in JSON is for programs that claim as they go; a file of any allowed size goes as text/csv.
LARGEST_LIST = 1000
FIELD_OF_PROBLEM = {
    Problem.MISSING_LABEL: "label_id",
    Problem.UNKNOWN_LABEL: "label_id",
    Problem.AMBIGUOUS_LABEL: "label_id",
    Problem.LONG_RATIONALE: "rationale",
}


def read_rows(data: Any) -> list[ClaimRow]:
    """The claims of a request's body: bytes of a CSV, a list, or one object.

    Raises `UnreadableUpload` for bytes that are no such file and `ValidationError` for JSON that is no such claims.
    """
    if isinstance(data, bytes):
        return [_storable(row) for row in read_claims(data)]
    if not isinstance(data, list):
        one = ClaimSerializer(data=data)
        one.is_valid(raise_exception=True)
        return [ClaimRow(line=1, **one.validated_data)]
    if not 1 <= len(data) <= LARGEST_LIST:
        raise ValidationError(
            {
                "detail": gettext("A list may have 1 to %(largest_list)s claims. Send more as text/csv.")
                % {"largest_list": figure(LARGEST_LIST)}
            }
        )
    return [_listed_row(line, entry) for line, entry in enumerate(data, start=1)]


def _storable(row: ClaimRow) -> ClaimRow:
    """The row, malformed where it holds what the database can't keep. JSON is checked by its serializers."""
    if "\x00" in f"{row.image_id}{row.label_id}{row.rationale}":
        return replace(row, malformed=gettext("It has a NUL character."))
    return row


def _listed_row(line: int, entry: Any) -> ClaimRow:
    one = ListedClaimSerializer(data=entry)
    if not one.is_valid():
        [(field, messages), *_] = one.errors.items()
        raise ValidationError(
            {
                "detail": gettext("Entry %(line)s, %(field)s: %(messages)s")
                % {"line": line, "field": field, "messages": messages[0]}
            }
        )
    return ClaimRow(line=line, **one.validated_data)


def report(checked: Sequence[CheckedRow], *, checked_only: bool) -> dict[str, Any]:
    accepted = [row for row in checked if row.problem is None]
    return {
        "checked_only": checked_only,
        "accepted": accepted,
        "later": sum(row.later for row in accepted),
        "refused": [row for row in checked if row.problem is not None],
    }


def refuse(checked: CheckedRow) -> None:
    """Raises the error of a claim that was sent alone: 409 for a duplicate, 403 over quota, else 400 by field."""
    problem = checked.problem
    if problem is None:
        return
    message = " ".join(f"{problem.label}. {checked.detail} {problem.remedy}".split())
    if problem.is_duplicate:
        raise Conflict(message)
    if problem is Problem.OVER_QUOTA:
        raise PermissionDenied(message)
    raise ValidationError({FIELD_OF_PROBLEM.get(problem, "image_id"): [message]})


def views_of(claims: Sequence[Submission]) -> list[ClaimView]:
    """Claims of one edition, read `with_details`, as their claimant sees them."""
    later = [claim.pair for claim in claims if not claim.charged]
    names = {pair: claim.participation.public_name for pair, claim in first_claims(later).items()}
    at = timezone.now()
    waits = waits_of(claims[0].participation.challenge, claims, at) if claims else NO_WAITS
    return claim_views(claims, names, waits, at=at)


def own_claim(finder: Participation, submission_id: int) -> ClaimView:
    """One of this person's claims. Raises `NotFound` for any other."""
    claim = with_details(submissions_of(finder)).filter(pk=submission_id).first()
    if claim is None:
        raise NotFound(gettext("You have no such submission."))
    [view] = views_of([claim])
    return view


class SubmissionList(EditionView):
    scope = TokenScope.SUBMIT
    parser_classes = [LimitedJSONParser, CSVParser]

    @extend_schema(parameters=[ClaimFilters], responses={200: SubmissionSerializer(many=True), 400: WRITES[400], **OWN})
    def get(self, request: Request, slug: str) -> Response:
        """Your own submissions, newest first."""
        claims = filter_claims(submissions_of(self.finder), read_filters(ClaimFilters, request))
        return self.paged(SubmissionSerializer(views_of(self.page_of(with_details(claims))), many=True))

    @extend_schema(
        parameters=[CheckFilters],
        request={
            "application/json": PolymorphicProxySerializer(
                component_name="OneClaimOrMany",
                serializers=[ClaimSerializer, ListedClaimSerializer(many=True)],
                resource_type_field_name=None,
                many=False,
            ),
            "text/csv": OpenApiTypes.STR,
        },
        examples=[ONE_CLAIM, CLAIMS_CSV],
        responses={
            200: ReportSerializer,
            201: SubmissionSerializer,
            **WRITES,
            409: refusal("You or your team claimed this pair before. Nothing was charged."),
            413: refusal("The body is too large."),
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        """Claim one pair (a JSON object), up to 1,000 (a JSON list), or a whole file (`Content-Type: text/csv`).

        One object is answered with 201 and the submission, or with an error: 400 with messages by field, 409 for a
        pair that you or your team claimed before, 403 over the quota. A list or a file is answered with 200 and what
        became of each row; good rows are claimed whatever is wrong with others. With `?check=true` nothing is
        claimed or charged, and the answer is the report in any case.

        A request may be repeated without harm: what it claimed the first time is refused as a duplicate, uncharged.
        """
        check = read_filters(CheckFilters, request).get("check", False)
        rows = read_rows(request.data)
        finder, at = self.finder, timezone.now()
        if check:
            check_may_claim(finder, at)
            checked = check_rows(finder, rows)
        else:
            checked = submit_pairs(participation=finder, rows=rows, at=at)
        if check or isinstance(request.data, (bytes, list)):
            return Response(ReportSerializer(report(checked, checked_only=check)).data)
        [only] = checked
        refuse(only)
        assert only.submission is not None, "a claim without a problem was taken"
        shown = SubmissionSerializer(own_claim(finder, only.submission.pk)).data
        return Response(shown, status=201, headers={"Location": f"{request.path}{only.submission.pk}/"})


class SubmissionDetail(EditionView):
    scope = TokenScope.SUBMIT

    @extend_schema(responses={200: SubmissionDetailSerializer, **OWN})
    def get(self, request: Request, slug: str, submission_id: int) -> Response:
        """One of your submissions, once settled with what each classifier said."""
        return Response(SubmissionDetailSerializer(own_claim(self.finder, submission_id)).data)

    @extend_schema(responses={204: None, **OWN})
    def delete(self, request: Request, slug: str, submission_id: int) -> Response:
        """Take a submission back, as long as its pair is not scored (403 from then on). Its quota is given back."""
        retract_submission(participation=self.finder, submission_id=submission_id, at=timezone.now())
        return Response(status=204)


class DisputeDetail(EditionView):
    scope = TokenScope.SUBMIT

    @extend_schema(responses={200: DisputeSerializer, **OWN})
    def get(self, request: Request, slug: str, submission_id: int) -> Response:
        """Your dispute of how a submission's pair ended, and what an organiser made of it (404 where you made none)."""
        dispute = own_claim(self.finder, submission_id).dispute
        if dispute is None:
            raise NotFound(gettext("You have not disputed this submission."))
        return Response(DisputeSerializer(dispute).data)

    @extend_schema(
        request=DisputeSerializer,
        responses={201: DisputeSerializer, **WRITES, 409: refusal("You disputed it before, in other words.")},
    )
    def post(self, request: Request, slug: str, submission_id: int) -> Response:
        """Dispute how a settled submission ended, once, as long as ratings are open (`may_dispute` says whether).

        The same reason again is answered with the dispute that stands.
        """
        sent = DisputeSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        made = dispute_outcome(
            participation=self.finder,
            submission_id=submission_id,
            reason=sent.validated_data["reason"],
            at=timezone.now(),
        )
        return Response(DisputeSerializer(made).data, status=201, headers={"Location": request.path})
