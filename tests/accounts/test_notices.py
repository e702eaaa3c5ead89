"""What people are told, in the site and by mail."""

from __future__ import annotations

import re
import string
from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import translation

from cats4ml.accounts.models import Notice, NoticeKind, OutgoingMail
from cats4ml.accounts.notice_mails import link_to_stop, post_mails
from cats4ml.accounts.notice_words import WORDS, words_of
from cats4ml.accounts.notices import choices_of, choose, notify, unread_count
from cats4ml.challenges.announcements import announce
from cats4ml.rules.answers import Answer
from cats4ml.submissions.actions.settlement import disqualify_participant, reinstate_participant
from cats4ml.submissions.settled_notices import tell_of_settled
from tests.factories import START, make_user
from tests.web import queries_of, signed_in

LATER = START + timedelta(minutes=6)


def tell(user, number: int, kind: NoticeKind = NoticeKind.TEAM, what: str = "team_captain") -> None:
    values = {"team": f"Owls {number}", "by": "bob", "edition": "Cats", "title": f"News {number}", "text": "Read."}
    notify(users=[user], kind=kind, what=what, key=f"{kind}-{number}", at=START, url="/account/teams/", values=values)


def mails() -> list[tuple[str, str]]:
    return list(OutgoingMail.objects.order_by("pk").values_list("to", "subject"))


def test_every_sentence_is_filled_by_what_its_notice_has_or_by_nothing(db) -> None:
    for what in (*WORDS, "of another time"):
        one = Notice(kind=NoticeKind.TEAM, what=what, values={"settled": 3, "adverse": 1}, created_at=START)
        title, text = words_of(one)
        assert (bool(title.strip(string.whitespace)), "%(" in title + text) == (True, False)


def test_notices_of_a_kind_are_gathered_into_one_mail_and_announcements_are_not(db, settings) -> None:
    settings.SITE_URL = "https://cats.example.org"
    ada = make_user("ada", time_zone="Europe/Berlin")
    for number in (1, 2):
        tell(ada, number)
        tell(ada, number, NoticeKind.ANNOUNCEMENT, "announcement")
    assert (post_mails(at=START), mails()) == (2, [(ada.email, "Cats: News 1"), (ada.email, "Cats: News 2")])
    assert [post_mails(at=LATER), post_mails(at=LATER)] == [1, 0]
    mail = OutgoingMail.objects.latest("pk")
    stop = link_to_stop(ada, NoticeKind.TEAM)
    assert mail.subject == "2 notices: Invitations to teams and changes of mine"
    assert mail.headers == {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    facts = ["Owls 1", "Owls 2", "Mon 2 Nov 2026, 10:00 CET", "https://cats.example.org/account/teams/", stop]
    assert [fact for fact in facts if fact not in mail.body] == []


def test_the_mail_speaks_the_readers_language_whatever_the_worker_speaks(db) -> None:
    tell(make_user("ada", language="de"), 1)
    tell(make_user("bob"), 1)
    with translation.override("de"):
        assert post_mails(at=LATER) == 2
    bodies = {mail.to: mail.body for mail in OutgoingMail.objects.all()}
    assert ("Mo., 2. Nov. 2026" in bodies["ada@example.org"], "2 Nov 2026" in bodies["bob@example.org"]) == (True, True)


def test_moments_are_written_for_the_reader_those_that_were_kept_before_too(db, settings) -> None:
    settings.SITE_URL = "https://cats.example.org"
    ada = make_user("ada", language="de", time_zone="Asia/Tokyo")
    for number, since in enumerate(("2026-11-02T20:30:00+00:00", "2026-11-02 20:30 UTC")):
        values = {"since": since, "number": 7, "name": "<b>", "ends": "2026-12-02", "kind": "It is offensive"}
        for what in ("stalled_clock", "token_ends_soon", "picture_reported"):
            key = f"{what}-{number}"
            notify(users=[ada], kind=NoticeKind.ACCOUNT, what=what, key=key, at=START, values=values)
    assert post_mails(at=LATER) == 6
    said = "\n".join(f"{mail.subject} {mail.body}" for mail in OutgoingMail.objects.all())
    written = ("seit Di., 3. Nov. 2026, 05:30 JST", "<b> endet am 2. Dezember 2026", "gemeldet: Es ist anstößig.")
    assert ([said.count(words) for words in written], "2026-1" in said) == ([2, 4, 2], False)
    html = signed_in(ada).get(reverse("accounts:notices")).content.decode()
    assert html.count('<time datetime="2026-11-02T20:30:00Z" data-when="full"') == 2
    assert ("&lt;b&gt; endet" in html, "<b>" in html) == (True, False)


def test_choices_are_of_the_roles_that_one_has_and_those_of_another_time_are_kept(world) -> None:
    def kinds(of) -> list[str]:
        html = signed_in(of).get(reverse("pages:notice_choices")).content.decode()
        return re.findall(r'name="shown" value="(\w+)"', html)

    everybodys = ["team", "announcement", "standing", "files"]
    finder, boss = world.finder().user, make_user(is_superuser=True)
    assert kinds(world.rater().user) == kinds(make_user()) == everybodys
    assert kinds(finder) == ["team", "announcement", "pairs", "dispute", "standing", "files"]
    assert kinds(boss) == [*everybodys, "takedown", "stalled"]
    choose(user=finder, kind=NoticeKind.STALLED, on_site=False, by_mail=True)
    # What the page did not show, and what it showed of what is no longer one's own, changes nothing.
    signed_in(finder).post(reverse("pages:notice_choices"), {"shown": ["team", "stalled"], "stalled-site": "on"})
    kept = choices_of(finder)
    assert [kept[kind] for kind in (NoticeKind.TEAM, NoticeKind.STALLED, NoticeKind.DISPUTE)] == [
        (False, False),
        (False, True),
        (True, True),
    ]


def test_who_chose_otherwise_is_told_so_and_of_the_own_account_always(world) -> None:
    ada = make_user("ada")
    world.finder(ada)
    choose(user=ada, kind=NoticeKind.TEAM, on_site=False, by_mail=False)
    choose(user=ada, kind=NoticeKind.ACCOUNT, on_site=False, by_mail=False)
    tell(ada, 1)
    tell(ada, 1, NoticeKind.ACCOUNT)
    assert list(Notice.objects.values_list("kind", "on_site", "by_mail")) == [("account", True, True)]
    page, client = reverse("pages:notice_choices"), signed_in(ada)
    assert (
        client.post(
            page, {"shown": ["team", "dispute", "pairs", "account"], "team-site": "on", "dispute-mail": "on"}
        ).url
        == page
    )
    shown = choices_of(ada)
    assert (shown[NoticeKind.TEAM], shown[NoticeKind.DISPUTE], shown[NoticeKind.ACCOUNT], shown[NoticeKind.PAIRS]) == (
        (True, False),
        (False, True),
        (True, True),
        (False, False),
    )
    assert client.get(page).status_code == 200


def test_the_link_in_a_mail_stops_its_kind_for_who_is_signed_out_once_they_press_the_button(db) -> None:
    ada = make_user("ada")
    tell(ada, 1)
    page, client = link_to_stop(ada, NoticeKind.TEAM), Client(enforce_csrf_checks=True)
    assert "No more of these mails?" in client.get(page).content.decode()
    assert choices_of(ada)[NoticeKind.TEAM] == (True, True)
    # As a mail server does it: one click, without a cookie.
    assert client.post(page, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert (choices_of(ada)[NoticeKind.TEAM], post_mails(at=LATER)) == ((True, False), 0)
    assert [client.get(wrong).status_code for wrong in (page[:-3] + "xx/", "/account/notices/stop/x/")] == [404, 404]


def test_the_page_has_ones_own_in_pages_and_marks_what_it_showed_as_read(db) -> None:
    ada, bob = make_user("ada"), make_user("bob")
    client, page = signed_in(ada), reverse("accounts:notices")
    tell(ada, 1)
    tell(bob, 9)
    cost = queries_of(client, page)
    for number in range(2, 35):
        tell(ada, number)
    assert queries_of(client, page) == cost
    html = client.get(page).content.decode()
    assert ("Owls 34" in html, "Owls 4”" in html, "Owls 9”" in html, "34 unread" in html) == (True, False, True, True)
    last = Notice.objects.filter(user=ada).order_by("-pk")[1]
    client.post(reverse("accounts:notices_read"), {"until": str(last.pk)})
    assert (unread_count(ada), unread_count(bob)) == (1, 1)
    newest = Notice.objects.filter(user=ada).latest("pk")
    theirs = Notice.objects.get(user=bob)
    assert client.post(reverse("accounts:notice_open", args=[newest.pk])).url == "/account/teams/"
    assert client.post(reverse("accounts:notice_open", args=[theirs.pk])).status_code == 404
    assert (unread_count(ada), unread_count(bob)) == (0, 1)


def test_settled_pairs_are_told_once_an_hour_and_never_to_who_came_after(world) -> None:
    finder, late = world.finder(), world.finder()
    world.claim(finder, (0, "cat"), (0, "dog"), (1, "cat"))
    world.score(0, {"cat": 0.1, "dog": 0.1})
    world.rate(world.pair(0, "cat"), *[Answer.YES] * 5)
    world.rate(world.pair(0, "dog"), *[Answer.NO] * 5)
    world.claim(late, (0, "cat"))
    assert (tell_of_settled(at=world.clock), Notice.objects.filter(kind=NoticeKind.PAIRS).count()) == (0, 0)
    assert [tell_of_settled(at=world.pass_time(3_600)) for _ in range(2)] == [1, 0]
    told = Notice.objects.get(kind=NoticeKind.PAIRS)
    title = f"2 of your pairs in “{world.challenge.title}” are settled: 1 adverse"
    assert (told.user, words_of(told)[0]) == (finder.user, title)


def test_decisions_and_announcements_are_told_to_those_whom_they_concern(world) -> None:
    finder, rater, boss = world.finder(), world.rater(), make_user(is_superuser=True)
    announce(challenge=world.challenge, title="News", text="Read.", by=boss, at=world.clock)
    announce(challenge=world.challenge, title="News", text="Read.", by=boss, at=world.clock)
    disqualify_participant(participation=finder, reason="Two accounts.", by=boss, at=world.clock)
    reinstate_participant(participation=finder, reason="A mistake.", by=boss, at=world.clock)
    told = Notice.objects.order_by("pk").values_list("user", "what")
    assert list(told) == [
        (finder.user_id, "announcement"),
        (rater.user_id, "announcement"),
        (finder.user_id, "disqualified"),
        (finder.user_id, "reinstated"),
    ]
