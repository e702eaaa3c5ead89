"""Pieces of the OpenAPI description that several views share."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from cats4ml.api.serializers import STANDING_COLUMNS, ErrorSerializer
from cats4ml.releases.rows import RELEASED_COLUMNS


def refusal(description: str) -> OpenApiResponse:
    return OpenApiResponse(ErrorSerializer, description=description)


WRONG_FIELDS = OpenApiResponse(
    {"type": "object", "additionalProperties": {}},
    description="What was sent is wrong: a list of messages for each field, of a list by its places, or `detail`.",
)
NO_SUCH_CHALLENGE = refusal("No such challenge, or a draft of somebody else's.")
READS = {400: WRONG_FIELDS, 404: NO_SUCH_CHALLENGE}
WRITES = {
    400: WRONG_FIELDS,
    401: refusal("No token and no session, or a token that is unknown, expired or revoked."),
    403: refusal("The token lacks the scope, you have not joined in this role, or it is not the time. `detail` says."),
    404: NO_SUCH_CHALLENGE,
}
OWN = {401: WRITES[401], 403: WRITES[403], 404: NO_SUCH_CHALLENGE}

CLAIMS_CSV = OpenApiExample(
    "A file of claims",
    value="image_id,label_id,rationale\n00075905539074f2,/m/015p6,A kite in the shape of a bird\n",
    media_type="text/csv",
    request_only=True,
)
ONE_CLAIM = OpenApiExample(
    "One claim",
    value={"image_id": "00075905539074f2", "label_id": "/m/015p6", "rationale": "A kite in the shape of a bird"},
    media_type="application/json",
    request_only=True,
)
RELEASED_CSV = OpenApiExample(
    "The released columns",
    value=",".join(RELEASED_COLUMNS) + "\n00075905539074f2,/m/015p6,Bird,0,5,0,1\n",
    media_type="text/csv",
    response_only=True,
    status_codes=["200"],
)
RATINGS_CSV = OpenApiExample(
    "The columns that crowd-kit reads",
    value="task,worker,label\n00075905539074f2:/m/015p6,5c1f0e9ab2d34b77,yes\n",
    media_type="text/csv",
    response_only=True,
    status_codes=["200"],
)
STANDINGS_CSV = OpenApiExample(
    "The board",
    value=(
        ",".join(STANDING_COLUMNS) + "\n"
        "1,0,1,2,ada,0,12,9,3,37,31,4,20,0.3870967741935484,0.22,0.56,bootstrap,5,12,2,11.4,2026-11-02T09:00:00Z\n"
    ),
    media_type="text/csv",
    response_only=True,
    status_codes=["200"],
)


def told_everywhere(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """What any address may answer, whatever else it does: added to each operation that doesn't say it itself."""
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for operations in result["paths"].values():
        for method, operation in operations.items():
            for code, description in _EVERYWHERE.items():
                operation["responses"].setdefault(code, {"description": description, "content": error})
            if method == "get":
                wrong = (
                    "A page, a cursor, a filter or a format that can't be. `detail` or the parameter's name says why."
                )
                anything = {"application/json": {"schema": {"type": "object", "additionalProperties": {}}}}
                operation["responses"].setdefault("400", {"description": wrong, "content": anything})
            # Errors are JSON also where the address itself gives something else.
            for code, response in operation["responses"].items():
                if code >= "400" and len(response.get("content", {})) == 1:
                    response["content"] = {"application/json": next(iter(response["content"].values()))}
    return result


_EVERYWHERE = {
    "401": "A token that is unknown, expired or revoked.",
    "406": "This address has no such format.",
    "429": "Too many requests. `Retry-After` says when the next may come.",
}
