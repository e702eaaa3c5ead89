"""Mails wait until a real mail server took them, however long it is away."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.test import Client

from cats4ml.accounts import mail
from cats4ml.accounts.mail import WAITS, Outbox, forget_old, post, send_due
from cats4ml.accounts.models import MailState, OutgoingMail
from cats4ml.accounts.tasks import keep_house, post_notice_mails, send_mails
from cats4ml.celery import app
from tests.accounts.smtp import mail_server
from tests.factories import START, make_user
from tests.web import signed_in


def send(port: int, settings, seconds: float = 0) -> dict[str, int]:
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 5
    return send_due(now=lambda: START + timedelta(seconds=seconds))


def rows(*columns: str) -> list[tuple]:
    return list(OutgoingMail.objects.order_by("pk").values_list(*columns))


def test_what_is_posted_arrives_once_and_its_text_is_forgotten(db, settings) -> None:
    settings.DEFAULT_FROM_EMAIL = "CATS4ML <cats@example.org>"
    post(to="ada@example.org", subject="Grüße\nBcc: eve@example.org", body="A line.\n.\nÄnother one.", at=START)
    with mail_server() as server:
        counts = [send(server.port, settings), send(server.port, settings)]
    assert counts == [{"sent": 1, "failed": 0, "later": 0}, {"sent": 0, "failed": 0, "later": 0}]
    [(recipient, message)] = server.mails
    text = message.get_payload(decode=True).decode().replace("\r\n", "\n")
    assert (recipient, message["To"], message["From"], message["Bcc"], message["Auto-Submitted"]) == (
        "ada@example.org",
        "ada@example.org",
        "CATS4ML <cats@example.org>",
        None,
        "auto-generated",
    )
    assert text.rstrip() == "A line.\n.\nÄnother one."
    assert rows("state", "body", "attempts", "error", "ended_at") == [(MailState.SENT, "", 1, "", START)]


def test_a_server_that_is_away_loses_no_mail(db, settings) -> None:
    with mail_server() as server:
        port = server.port
    for name in ("ada", "bob"):
        post(to=f"{name}@example.org", subject=name, body="Text", at=START)
    assert send(port, settings) == {"sent": 0, "failed": 0, "later": 1}
    assert send(port, settings, 1) == {"sent": 0, "failed": 0, "later": 1}
    assert rows("attempts", "body", "next_try_at") == [
        (1, "Text", START + WAITS[0]),
        (1, "Text", START + WAITS[0] + timedelta(seconds=1)),
    ]
    assert "refused" in rows("error")[0][0]
    with mail_server(port=port) as server:
        assert send(port, settings, 59) == {"sent": 0, "failed": 0, "later": 0}
        assert send(port, settings, 61) == {"sent": 2, "failed": 0, "later": 0}
    assert [recipient for recipient, _ in server.mails] == ["ada@example.org", "bob@example.org"]
    assert rows("state", "attempts", "body", "error") == [(MailState.SENT, 2, "", "")] * 2


def test_an_address_that_is_refused_for_good_holds_nobody_up(db, settings) -> None:
    answers = {"gone@example.org": "550 5.1.1 no such person", "full@example.org": "452 4.2.2 mailbox full"}
    for name in ("gone", "full", "ada"):
        post(to=f"{name}@example.org", subject="x", body="Text", at=START)
    with mail_server(answers=answers) as server:
        assert send(server.port, settings) == {"sent": 1, "failed": 1, "later": 1}
    assert rows("to", "state", "body", "error") == [
        ("gone@example.org", MailState.FAILED, "", "550 5.1.1 no such person"),
        ("full@example.org", MailState.WAITING, "Text", "452 4.2.2 mailbox full"),
        ("ada@example.org", MailState.SENT, "", ""),
    ]


def test_after_two_days_of_waits_that_grow_a_mail_is_given_up(db, settings) -> None:
    assert list(WAITS) == sorted(WAITS)
    assert timedelta(hours=44) < sum(WAITS, timedelta()) < timedelta(hours=52)
    post(to="full@example.org", subject="x", body="Text", at=START)
    tried, at = [], START
    with mail_server(answers={"full@example.org": "452 full"}) as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        while OutgoingMail.objects.filter(state=MailState.WAITING).exists():
            at = OutgoingMail.objects.get().next_try_at
            tried.append(send_due(now=lambda at=at: at))
    assert (len(tried), tried[-1]) == (len(WAITS) + 1, {"sent": 0, "failed": 1, "later": 0})
    assert rows("state", "attempts", "body", "error", "ended_at") == [
        (MailState.FAILED, len(WAITS) + 1, "", "452 full", START + sum(WAITS, timedelta()))
    ]


def test_a_worker_that_is_killed_in_between_sends_again_under_the_same_id(db, settings, monkeypatch) -> None:
    post(to="ada@example.org", subject="x", body="Text", at=START)

    def killed(*args: object) -> None:
        raise SystemExit

    with mail_server() as server:
        with monkeypatch.context() as patch:
            patch.setattr(mail, "_end", killed)
            with pytest.raises(SystemExit):
                send(server.port, settings)
        assert rows("state", "body") == [(MailState.WAITING, "Text")]
        send(server.port, settings)
    ids = [message["Message-ID"] for _, message in server.mails]
    assert (len(ids), len(set(ids)), rows("state")) == (2, 1, [(MailState.SENT,)])


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_another_worker_has_in_hand_is_left_to_it(settings) -> None:
    for name in ("ada", "bob"):
        post(to=f"{name}@example.org", subject="x", body="Text", at=START)
    other = connection.copy()
    with mail_server() as server:
        try:
            with other.cursor() as cursor:
                cursor.execute("BEGIN; SELECT 1 FROM accounts_outgoingmail WHERE \"to\" LIKE 'ada%' FOR UPDATE")
                assert send(server.port, settings) == {"sent": 1, "failed": 0, "later": 0}
                cursor.execute("ROLLBACK")
        finally:
            other.close()
        assert send(server.port, settings) == {"sent": 1, "failed": 0, "later": 0}
    assert [recipient for recipient, _ in server.mails] == ["bob@example.org", "ada@example.org"]


def test_a_mail_of_a_transaction_that_fails_was_never_written(db) -> None:
    with transaction.atomic():
        post(to="ada@example.org", subject="x", body="y", at=START)
        transaction.set_rollback(True)
    assert rows("pk") == []


def test_whatever_sends_mail_by_django_has_a_row_for_each_recipient(db) -> None:
    message = EmailMessage("Hello", "Text", "a@example.org", ["Ada <ada@example.org>"], bcc=["bob@example.org"])
    assert Outbox().send_messages([message]) == 1
    assert rows("to", "sender", "subject", "body", "state") == [
        ("ada@example.org", "a@example.org", "Hello", "Text", MailState.WAITING),
        ("bob@example.org", "a@example.org", "Hello", "Text", MailState.WAITING),
    ]
    message.attach("a.txt", "x")
    with pytest.raises(ValueError, match="plain text"):
        Outbox().send_messages([message])


def test_the_clock_rings_for_mails(db) -> None:
    tasks = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {send_mails.name, keep_house.name, post_notice_mails.name} == {
        task for task in tasks if ".accounts." in task
    }
    send_mails()
    keep_house()


def test_without_a_server_mails_wait_here_and_are_given_up_in_production(db, settings) -> None:
    settings.EMAIL_HOST = ""
    post(to="ada@example.org", subject="x", body="Text", at=START)
    late = START + timedelta(days=4)
    assert (send_due(now=lambda: late)["failed"], rows("state", "body")) == (0, [(MailState.WAITING, "Text")])
    settings.PRODUCTION = True
    assert send_due(now=lambda: late)["failed"] == 1
    assert rows("state", "body", "error") == [(MailState.FAILED, "", mail.NO_SERVER)]
    assert (forget_old(at=START + timedelta(days=29)), forget_old(at=START + timedelta(days=31))) == (0, 1)


def test_mails_are_shown_on_ones_own_machine_and_to_nobody_else(db, settings) -> None:
    settings.EMAIL_HOST = ""
    post(to="ada@example.org", subject="<b>Hi</b>", body="See http://testserver/x/", at=START)
    page = Client().get("/mail/")
    html = page.content.decode()
    assert (page.status_code, "&lt;b&gt;Hi" in html, '<a href="http://testserver/x/"' in html) == (200, True, True)
    strangers = [{"REMOTE_ADDR": "192.0.2.7"}, {"REMOTE_ADDR": ""}, {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}]
    assert [Client(**one).get("/mail/").status_code for one in strangers] == [404] * 3
    settings.EMAIL_HOST = "mail.example.org"
    assert Client().get("/mail/").status_code == 404
    settings.EMAIL_HOST, settings.PRODUCTION = "", True
    assert signed_in(make_user(is_superuser=True, is_staff=True)).get("/mail/").status_code == 404


def test_superusers_see_what_became_of_mails_and_never_what_stood_in_them(db, settings) -> None:
    settings.ADMIN_SECOND_FACTOR = False
    root = signed_in(make_user(is_superuser=True, is_staff=True))
    sent = post(to="ada@example.org", subject="A subject", body="A secret link", at=START)
    pages = [root.get(f"/admin/accounts/outgoingmail/{part}").content.decode() for part in ("", f"{sent.pk}/change/")]
    assert [("A subject" in page, "A secret link" in page) for page in pages] == [(True, False)] * 2
    assert root.post(f"/admin/accounts/outgoingmail/{sent.pk}/change/", {"to": "x@y.z"}).status_code == 403
