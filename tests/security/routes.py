"""Every address of the site, found by walking the resolver, with arguments for those of one world."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.urls import get_resolver
from django.urls.resolvers import URLPattern, URLResolver

from tests.security.people import Everybody

# What an argument stands for where its name alone doesn't say it.
OF_ROUTE: dict[str, Callable[[Everybody], object]] = {
    "console:edition_organiser_remove pk": lambda here: (
        here.world.challenge.participations.get(user=here.people["organiser"]).pk
    ),
    "console:edition_move name": lambda here: "pause",
    "console:announcement_down pk": lambda here: here.world.challenge.announcements.get().pk,
    "console:finder pk": lambda here: here.finder.pk,
    "console:finder_disqualify pk": lambda here: here.finder.pk,
    "console:finder_reinstate pk": lambda here: here.finder.pk,
    "console:finder_baseline pk": lambda here: here.finder.pk,
    "console:rater pk": lambda here: here.rater.pk,
    "console:rater_pause pk": lambda here: here.rater.pk,
    "console:rater_discount pk": lambda here: here.rater.pk,
    "console:rater_lift pk": lambda here: here.rater.pk,
    "console:pause_decide pk": lambda here: here.pause.pk,
    "console:verdict_rule_undo pk": lambda here: here.decision.pk,
    "console:near_copy_decide pk": lambda here: here.near_copy.pk,
    "console:adjudicate_pair pk": lambda here: here.waiting.pk,
    "console:adjudicate_take_back pk": lambda here: here.waiting.pk,
    "console:dispute pk": lambda here: here.dispute.pk,
    "console:control_retire pk": lambda here: here.control.pk,
    "console:control_restore pk": lambda here: here.control.pk,
    "console:label_guidance pk": lambda here: here.example.target_id,
    "console:pair pk": lambda here: here.waiting.pk,
    "console:pair_withdraw pk": lambda here: here.waiting.pk,
    "console:pair_restore pk": lambda here: here.waiting.pk,
    "console:release_publish pk": lambda here: here.unpublished.pk,
    "console:release_free pk": lambda here: here.release.pk,
    "console:release_retry pk": lambda here: here.unpublished.pk,
    "console:release_delete pk": lambda here: here.unpublished.pk,
    "console:picture pk": lambda here: here.world.images[0].pk,
    "console:picture_sensitive pk": lambda here: here.world.images[0].pk,
    "console:takedown pk": lambda here: here.takedown.pk,
    "console:takedown_picture pk": lambda here: here.takedown.pk,
    "console:takedown_lift pk": lambda here: here.takedown.pk,
    "console:takedown_delete pk": lambda here: here.takedown.pk,
    "pages:team pk": lambda here: here.team.pk,
    "pages:team_rename pk": lambda here: here.team.pk,
    "pages:team_invite pk": lambda here: here.team.pk,
    "pages:team_link pk": lambda here: here.team.pk,
    "pages:team_revoke pk": lambda here: here.team.pk,
    "pages:team_leave pk": lambda here: here.team.pk,
    "pages:team_part pk": lambda here: here.team.pk,
    "pages:team_remove pk": lambda here: here.team.pk,
    "pages:team_hand_on pk": lambda here: here.team.pk,
    "pages:team_come_in token": lambda here: "no-such-link",
    "accounts:notice_open pk": lambda here: here.notice.pk,
    "mfa_remove_webauthn pk": lambda here: 1,
    "mfa_edit_webauthn pk": lambda here: 1,
    "pages:data_file name": lambda here: "labels.csv",
}
OF_NAME: dict[str, Callable[[Everybody], object]] = {
    "slug": lambda here: here.world.challenge.slug,
    "study": lambda here: here.study.slug,
    "image_uuid": lambda here: here.world.images[0].uuid,
    "upload_id": lambda here: here.upload.uuid,
    "submission_id": lambda here: here.claim.pk,
    "token": lambda here: here.lease.token,
    "token_id": lambda here: here.token.pk,
    "example_id": lambda here: here.example.pk,
    "path": lambda here: "MANIFEST.sha256",
    "kind": lambda here: "labels",
    "pair_id": lambda here: here.waiting.pk,
    "release_id": lambda here: here.release.pk,
    "invitation": lambda here: here.invitation.pk,
    "user": lambda here: here.people["finder"].pk,
    "link": lambda here: "no-such-link",
    "provider_id": lambda here: "oidc",
    "evaluation_id": lambda here: here.evaluation.uuid,
    # Of allauth's and the admin's own.
    "key": lambda here: "no-such-key",
    "uidb36": lambda here: "1",
    "object_id": lambda here: "1",
    "id": lambda here: "1",
    "content_type_id": lambda here: "1",
    "app_label": lambda here: "accounts",
    "url": lambda here: "nowhere",
}
_ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>(?:\[[^\]]*\]|[^()\[\]])*\)")


@dataclass(frozen=True)
class Route:
    name: str
    pattern: str

    def address(self, here: Everybody) -> str:
        def value(found: re.Match[str]) -> str:
            argument = found[1] or found[2]
            if argument == "version":
                return "1"
            made = OF_ROUTE.get(f"{self.name} {argument}") or OF_NAME.get(argument)
            assert made is not None, (
                f"Say in tests/security/routes.py (OF_ROUTE) what {argument} of the route {self.name} stands for"
            )
            return str(made(here))

        return "/" + re.sub(r"[\^$]", "", _ARGUMENT.sub(value, self.pattern))


def _walk(resolver: URLResolver, before: str, spaces: tuple[str, ...]) -> Iterator[Route]:
    for one in resolver.url_patterns:
        pattern = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _walk(one, pattern, (*spaces, one.namespace) if one.namespace else spaces)
        else:
            assert isinstance(one, URLPattern)
            yield Route(":".join([*spaces, one.name or f"({str(one.pattern)[-12:]})"]), pattern)


def all_routes() -> list[Route]:
    return list(_walk(get_resolver(), "", ()))
