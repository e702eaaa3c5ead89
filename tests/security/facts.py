"""What each address answers whom: the facts of `test_matrix.py`.

One line for each address: what reading it (GET) gives, a bar, what sending something that is right (POST) gives. A word
is a status; “in”: to sign-in; “join”: to joining the challenge; + : rows were written. For people in their order
(`ROLES`), or in short:

everybody X     the same for all of them, but that a guest, who may only rate, is refused what is sent (403)
signed X        sign-in for a visitor, X for all others; guests as above
finder X Y      X for the finder whose things they are, Y for another finder; others are sent to join, or to sign in
rater X Y       X for the rater who holds the question, Y for the guest of a study; others likewise
console X       X for the organiser and a superuser, 403 for everybody else who is signed in
"""

# ruff: noqa: E501 - a line for each address
from __future__ import annotations

from collections.abc import Sequence

ROLES = ("visitor", "stranger", "finder", "other", "rater", "guest", "organiser", "elsewhere", "superuser")
# Programs with a token of all scopes, then with one of a single scope; “guest” comes by a browser's session.
PROGRAMS = (
    "visitor", "stranger", "finder", "other", "rater", "guest", "organiser", "elsewhere", "superuser",
    "finder/rate", "rater/submit", "organiser/submit", "superuser/rate",
)  # fmt: skip
ORGANISERS = frozenset({"organiser", "superuser"})
# Who may read what is private (`people.MARKS`).
MAY_READ = {
    "a mail address": frozenset(),
    "a rationale": ORGANISERS | {"finder"},
    "words of a dispute": ORGANISERS | {"finder"},
    "the name of an uploaded file": frozenset({"finder"}),
    "the name of a token": frozenset({"finder"}),
    "a note of a rater's report": ORGANISERS,
    "a paid crowd's id of a worker": ORGANISERS,
    "the code that pays": ORGANISERS,
    "why a rater was paused": ORGANISERS,
    "what a control question tells": ORGANISERS,
    "a classifier that isn't listed": ORGANISERS | {"finder"},
    "a release that isn't published": ORGANISERS,
    "a draft": frozenset({"elsewhere", "superuser"}),
    "a machine score": ORGANISERS,
    "a team": frozenset({"finder", "other"}),  # who was asked in
    "what somebody was told": frozenset({"finder"}),
}


def _spelled(words: Sequence[str], roles: Sequence[str], *, sent: bool) -> list[str]:
    """The word of each role, of a half of a line."""
    kind, rest = words[0], list(words[1:])
    if kind == "everybody":
        found = dict.fromkeys(roles, rest[0])
    elif kind == "signed":
        found = dict.fromkeys(roles, rest[0]) | {"visitor": "in"}
    elif kind == "console":
        found = dict.fromkeys(roles, "403") | {"visitor": "in"} | dict.fromkeys(ORGANISERS, rest[0])
    elif kind in ("finder", "rater"):
        pair = ("finder", "other") if kind == "finder" else ("rater", "guest")
        found = dict.fromkeys(roles, "join") | {"visitor": "in"} | dict(zip(pair, rest, strict=True))
    else:
        return list(words)
    if sent and kind != "rater":
        found["guest"] = "403"
    return [found[role] for role in roles]


def words_of(table: str, roles: Sequence[str]) -> dict[str, tuple[list[str], ...]]:
    """By route, what reading, sending and (of the API) deleting gives, for each role in its order."""
    found = {}
    for line in table.strip().splitlines():
        if line.strip():
            name, rest = line.split(maxsplit=1)
            parts = [part.split() for part in rest.split("|")]
            found[name] = tuple(_spelled(part, roles, sent=place > 0) for place, part in enumerate(parts))
    return found


def row_of(name: str, *found: Sequence[str], roles: Sequence[str]) -> str:
    """A line of the table, as short as it goes."""
    return f"{name} " + " | ".join(_short(words, roles, sent=place > 0) for place, words in enumerate(found))


def _short(words: Sequence[str], roles: Sequence[str], *, sent: bool) -> str:
    by = dict(zip(roles, words, strict=True))
    for kind, ones in (
        ("everybody", ("stranger",)),
        ("signed", ("stranger",)),
        ("console", ("organiser",)),
        ("finder", ("finder", "other")),
        ("rater", ("rater", "guest")),
    ):
        short = [kind, *(by[one] for one in ones)]
        if _spelled(short, roles, sent=sent) == list(words):
            return " ".join(short)
    return " ".join(words)


PAGES = """
console:edition_new in 403 403 403 403 403 403 403 200 | in 403 403 403 403 403 403 403 422
console:edition console 200 | console 405
console:edition_texts console 200 | console 302+
console:edition_labels console 200 | console 200
console:edition_label_change console 405 | console 302
console:edition_pool console 200+ | console 200+
console:edition_pool_empty console 405 | console 302
console:edition_classifiers console 200 | console 422
console:edition_policy console 200 | console 405
console:edition_dates console 200 | console 200
console:edition_consent console 200 | console 302+
console:edition_organisers console 200 | console 302+
console:edition_organiser_remove console 405 | console 302
console:edition_preview console 200 | console 405
console:edition_move console 200 | console 302+
console:announcements console 200 | console 302+
console:announcement_down console 405 | console 302+
console:acts console 200 | console 405
console:acts_csv console 200 | console 405
console:overview console 200 | console 405
console:pairs console 200 | console 405
console:pairs_csv console 200 | console 405
console:finders console 200 | console 405
console:finders_csv console 200 | console 405
console:finder console 200 | console 405
console:finder_disqualify console 200+ | console 302+
console:finder_reinstate console 302 | console 302
console:finder_baseline console 405 | console 302+
console:patterns console 200 | console 405
console:requeue console 405 | console 302
console:raters console 200 | console 405
console:rater console 200 | console 405
console:rater_pause console 405 | console 302+
console:rater_discount console 200+ | console 302+
console:rater_lift console 302 | console 302
console:pause_decide console 405 | console 302+
console:studies console 200 | console 302+
console:study console 200 | console 405
console:study_open console 405 | console 302+
console:study_pay console 405 | console 302+
console:study_visits console 200 | console 405
console:classifiers console 200 | console 405
console:roster console 200 | console 405
console:roster_ask console 405 | console 302
console:roster_apply console 405 | console 422
console:verdict_rule console 200 | console 405
console:verdict_rule_apply console 405 | console 422
console:policy_work console 302 | console 405
console:verdict_rule_undo console 200 | console 200
console:verdict_rule_csv console 200 | console 405
console:near_copies console 200 | console 405
console:near_copy_decide console 405 | console 302
console:adjudicate console 200 | console 405
console:adjudicate_pair console 200 | console 422
console:adjudicate_take_back console 405 | console 302
console:disputes console 200 | console 405
console:dispute console 200 | console 422
console:reports console 200 | console 405
console:reports_decide console 405 | console 302
console:picture console 200 | console 422
console:picture_sensitive console 405 | console 302
console:sensitive console 200 | console 422
console:takedowns console 200 | console 405
console:takedown console 200 | console 405
console:takedown_picture console 200 | console 405
console:takedown_lift console 405 | console 302+
console:takedown_delete console 405 | console 302
console:controls console 200 | console 405
console:control_add console 405 | console 422
console:control_import console 405 | console 422
console:controls_from_pairs console 200 | console 422
console:control_retire console 405 | console 302+
console:control_restore console 405 | console 302+
console:guidance console 200 | console 405
console:label_guidance console 200 | console 422
console:pair console 200 | console 405
console:pair_withdraw console 405 | console 302+
console:pair_restore console 405 | console 302
console:agreement console 200 | console 405
console:agreement_answers console 200 | console 405
console:releases console 200 | console 302+
console:release_publish console 405 | console 302+
console:release_free console 405 | console 302+
console:release_retry console 405 | console 302
console:release_delete console 405 | console 302+
pages:notice_choices signed 200 | signed 302+
pages:home everybody 200 | everybody 405
pages:picture everybody 200 | everybody 405
pages:report_picture everybody 200 | everybody 302+
pages:challenge everybody 200 | everybody 405
pages:join signed 200 | in 302+ 302 302 422 403 302+ 302+ 302+
pages:data everybody 200+ | everybody 405
pages:data_checksums everybody 200 | everybody 405
pages:data_file everybody 200 | everybody 405
pages:releases everybody 200 | everybody 405
pages:release everybody 200 | everybody 405
pages:release_root everybody 200 | everybody 405
pages:release_file everybody 200 | everybody 405
pages:explore everybody 200 | everybody 405
pages:explore_like everybody 200 | everybody 405
pages:explore_picture everybody 200 | everybody 405
pages:meaning everybody 404 | everybody 405
pages:mine finder 200 200 | finder 405 405
accounts:tokens in 200 200 200 200 403 200 200 200 | signed 200+
accounts:revoke_token signed 405 | in 404 302 404 404 403 404 404 404
submissions:submit finder 200 200 | finder 405 405
submissions:submit_pair finder 405 405 | finder 302+ 302+
submissions:upload_file finder 405 405 | finder 422 422
submissions:upload finder 200 404 | finder 405 405
submissions:upload_submit finder 405 405 | finder 302+ 404
submissions:upload_retract finder 405 405 | finder 302 404
submissions:bad_rows finder 200 404 | finder 405 405
submissions:hints finder 200 200 | finder 405 405
submissions:retract finder 405 405 | finder 302 404
submissions:dispute finder 200 404 | finder 422 404
submissions:basket finder 200 200 | finder 405 405
submissions:basket_put finder 405 405 | finder 302+ 302+
submissions:basket_save finder 405 405 | finder 302 302
submissions:basket_clear finder 405 405 | finder 302+ 302+
submissions:basket_submit finder 405 405 | finder 302+ 302
submissions:queue everybody 200 | everybody 405
review:review rater 200+ 200+ | rater 405 405
review:answer rater 405 405 | rater 302+ 302
review:undo rater 405 405 | rater 302 302
pages:kinds in join 200 200 302 302 join join join | in join 302+ 302+ 302 403 join join join
review:kinds rater 405 405 | rater 302+ 302+
review:skip rater 405 405 | rater 302 302
review:report rater 405 405 | rater 302+ 302
review:picture in 404 404 404 200 404 404 404 404 | in 405 405 405 405 405 405 405 405
review:example in 404 404 404 200 200 404 404 404 | in 405 405 405 405 405 405 405 405
review:study everybody 400 | 400 400 400 400 400 400 400 400 400
leaderboard:board everybody 200 | everybody 405
leaderboard:csv everybody 200 | everybody 405
evaluations:board everybody 200 | signed 422
evaluations:questions everybody 200 | everybody 405
evaluations:evaluation 404 404 200 404 404 404 200 404 200 | everybody 405
evaluations:listing everybody 405 | 404 404 302+ 404 404 403 302+ 404 302+
account_login 200 302 302 302 302 302 302 302 302 | 200 302 302 302 302 403 302 302 302
account_logout 302 200 200 200 200 200 200 200 200 | 302 302 302 302 302 302 302 302 302
account_inactive everybody 200 | everybody 405
account_signup 200 302 302 302 302 302 302 302 302 | 200 302 302 302 302 403 302 302 302
account_reauthenticate in 200 200 200 200 403 200 200 200 | signed 200
account_email in 200+ 200+ 200+ 200+ 200 200+ 200+ 200+ | signed 302+
account_email_verification_sent everybody 200 | everybody 405
account_change_password in 200 200 200 200 302 200 200 200 | signed 200
account_set_password in 302 302 302 302 200 302 302 302 | signed 302
account_reset_password everybody 200 | everybody 200
account_confirm_login_code signed 302 | signed 302
account_confirm_email everybody 200 | everybody 404
account_reset_password_from_key_done everybody 200 | everybody 405
account_reset_password_from_key everybody 200 | everybody 200
account_reset_password_done everybody 200 | everybody 405
api:schema everybody 200 | everybody 405
api:docs everybody 200 | everybody 405
api:redoc everybody 200 | everybody 405
api:(^v1/) everybody 404 | everybody 404
console:vouching console 200 | console 200
pages:consents signed 200 | signed 405
pages:teams signed 200 | signed 422
pages:team in 404 200 404 404 404 404 404 404 | signed 405
pages:team_rename signed 405 | in 404 302+ 404 404 403 404 404 404
pages:team_invite signed 405 | in 404 302+ 404 404 403 404 404 404
pages:team_link signed 405 | in 404 422 404 404 403 404 404 404
pages:team_revoke signed 405 | in 404 302+ 404 404 403 404 404 404
pages:team_leave signed 405 | in 404 302+ 404 404 403 404 404 404
pages:team_part signed 405 | signed 404
pages:team_remove signed 405 | in 404 302 404 404 403 404 404 404
pages:team_hand_on signed 405 | in 404 302 404 404 403 404 404 404
pages:invitation_answer signed 405 | in 404 404 302 404 403 404 404 404
pages:team_come_in signed 404 | signed 404
pages:own_data signed 200 | signed 302+
pages:own_data_file signed 404 | signed 405
pages:erase signed 200 | signed 422
pages:leave in 404 200 200 200 200 404 404 404 | in 404 302+ 302+ 302+ 403 404 404 404
accounts:account in 200 200 200 200 403 200 200 200 | signed 405
accounts:send_again signed 405 | signed 302+
accounts:mails everybody 200 | everybody 405
accounts:set_up_app in 302 302 302 302 403 302 302 302 | signed 302
accounts:add_passkey in 302 302 302 302 403 302 302 302 | signed 302
accounts:confirm_address everybody 200 | everybody 404
accounts:notices signed 200 | signed 405
accounts:notices_read signed 405 | signed 302
accounts:notice_open signed 405 | in 404 302+ 404 404 403 404 404 404
accounts:notices_stop everybody 404 | everybody 404
mfa_index signed 200 | signed 405
mfa_authenticate signed 302 | signed 302
mfa_reauthenticate in 302 302 302 302 403 302 302 302 | signed 302
mfa_activate_totp in 302 302 302 302 403 302 302 302 | signed 302
mfa_deactivate_totp signed 404 | signed 404
mfa_view_recovery_codes signed 404 | signed 405
mfa_generate_recovery_codes in 302 302 302 302 200 302 302 302 | signed 302
mfa_download_recovery_codes signed 404 | signed 404
mfa_list_webauthn signed 200 | signed 405
mfa_add_webauthn in 302 302 302 302 403 302 302 302 | signed 302
mfa_reauthenticate_webauthn in 302 302 302 302 403 302 302 302 | signed 302
mfa_remove_webauthn in 302 302 302 302 404 302 302 302 | signed 302
mfa_edit_webauthn in 302 302 302 302 404 302 302 302 | signed 302
mfa_login_webauthn signed 302 | signed 302
socialaccount_login_cancelled everybody 200 | everybody 405
socialaccount_login_error everybody 401 | everybody 405
socialaccount_signup everybody in | everybody in
socialaccount_connections signed 200 | signed 200
(n/cancelled/) everybody in | everybody in
(login/error/) everybody in | everybody in
(cial/signup/) everybody 301 | everybody 301
(connections/) everybody 301 | everybody 301
github_login everybody 404 | everybody 404
github_callback everybody 404 | everybody 404
google_login everybody 404 | everybody 404
google_callback everybody 404 | everybody 404
google_login_by_token everybody 404 | everybody 404
orcid_login everybody 404 | everybody 404
orcid_callback everybody 404 | everybody 404
openid_connect_login everybody 404 | everybody 404
openid_connect_callback everybody 404 | everybody 404
usersessions_list signed 200 | signed 302
operations:healthz everybody 200 | everybody 200
operations:readyz everybody 200 | everybody 200
operations:metrics everybody 200 | everybody 200
accounts:preferences signed 200 | signed 200
accounts:language everybody 405 | 302 302 302 302 302 302 302 302 302
"""
API = """
api:me 401 200 200 200 200 200 200 200 200 200 200 200 200 | 401 405 405 405 405 403 405 405 405 405 405 405 405
api:picture_reports 401 405 405 405 405 405 405 405 405 405 405 405 405 | 401 201+ 201+ 201+ 201+ 403 201+ 201+ 201+ 201+ 201+ 201+ 201+
api:challenges everybody 200 | everybody 405
api:challenge everybody 200 | everybody 405
api:announcements everybody 200 | everybody 405
api:labels everybody 200 | everybody 405
api:images everybody 200 | everybody 405
api:data_files everybody 200 | everybody 405
api:data_file everybody 200 | everybody 405
api:quota 401 403 200 200 403 403 403 403 403 403 403 403 403 | 401 405 405 405 405 403 405 405 405 403 405 405 403
api:participations 401 200 200 200 200 200 200 200 200 200 200 200 200 | 401 201+ 200 200 403 403 201+ 201+ 201+ 403 403 201+ 403
api:submissions 401 403 200 200 403 403 403 403 403 403 403 403 403 | 401 403 201+ 201+ 403 403 403 403 403 403 403 403 403
api:submission 401 403 200 404 403 403 403 403 403 403 403 403 403 | 401 405 405 405 405 403 405 405 405 403 405 405 403 | 401 403 403 404 403 403 403 403 403 403 403 403 403
api:dispute 401 403 404 404 403 403 403 403 403 403 403 403 403 | 401 403 403 404 403 403 403 403 403 403 403 403 403
api:sensitive 401 403 200 200 200 200 403 403 403 403 403 403 403 | 401 403 200+ 200+ 200+ 403 403 403 403 403 403 403 403
api:ratings 401 405 405 405 405 405 405 405 405 405 403 403 405 | 401 403 403 403 201+ 403 403 403 403 403 403 403 403
api:ratings_export 401 403 403 403 403 403 200 403 200 403 403 403 403 | 401 403 403 403 403 403 405 403 405 403 403 403 403
api:rating_next 401 403 403 403 200+ 200+ 403 403 403 403 403 403 403 | 401 405 405 405 405 403 405 405 405 405 403 403 405
api:rating_last 401 405 405 405 405 405 405 405 405 405 403 403 405 | 401 405 405 405 405 403 405 405 405 405 403 403 405 | 401 403 403 403 403 403 403 403 403 403 403 403 403
api:rating_picture 401 403 403 403 200 404 403 403 403 403 403 403 403 | 401 405 405 405 405 403 405 405 405 405 403 403 405
api:rating_guidance 401 403 403 403 200 404 403 403 403 403 403 403 403 | 401 405 405 405 405 403 405 405 405 405 403 403 405
api:rating_skip 401 405 405 405 405 405 405 405 405 405 403 403 405 | 401 403 403 403 403 403 403 403 403 403 403 403 403
api:rating_report 401 405 405 405 405 405 405 405 405 405 403 403 405 | 401 403 403 403 204+ 403 403 403 403 403 403 403 403
api:rating_example 401 403 403 403 200 200 403 403 403 403 403 403 403 | 401 405 405 405 405 403 405 405 405 405 403 403 405
api:pairs 401 403 403 403 403 403 200 403 200 403 403 403 403 | 401 403 403 403 403 403 405 403 405 403 403 403 403
api:pair 401 403 403 403 403 403 200 403 200 403 403 403 403 | 401 403 403 403 403 403 405 403 405 403 403 403 403
api:queue everybody 200 | everybody 405
api:standings everybody 200 | everybody 405
api:releases everybody 200 | 403 403 403 403 403 403 202+ 403 202+ 403 403 403 403
api:release everybody 200 | everybody 405 | 403 403 403 403 403 403 409 403 409 403 403 403 403
api:release_publish everybody 405 | 403 403 403 403 403 403 200 403 200 403 403 403 403
api:release_free everybody 405 | 403 403 403 403 403 403 200+ 403 200+ 403 403 403 403
api:release_files everybody 200 | everybody 405
api:release_file everybody 200 | everybody 405
api:release_archive everybody 200 | everybody 405
api:release_root everybody 200 | everybody 405
api:questions everybody 200 | everybody 405
api:evaluations everybody 200 | 401 403 403 403 403 403 201+ 403 201+ 403 403 403 403
api:evaluation 404 404 200 404 404 404 200 404 200 200 404 404 404 | everybody 405
"""
