"""A picture that is taken down: nobody gets it any more, by whatever address; and what becomes of what hung on it."""

from __future__ import annotations

import csv
import hashlib
import io
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse
from rest_framework.throttling import SimpleRateThrottle

from cats4ml.accounts.models import Notice
from cats4ml.catalog.actions import add_images
from cats4ml.catalog.hiding import HidingRefused, near_copies_of
from cats4ml.catalog.models import ComplaintKind, Image, PictureComplaint, Takedown
from cats4ml.challenges.models import ActKind, PoolImage, Role
from cats4ml.console.takedowns import delete_for_good, rehearse, show_again, sweep, take_down
from cats4ml.releases.building import build
from cats4ml.releases.models import Release, ReleaseFile, Tombstone
from cats4ml.releases.storage import copy_to
from cats4ml.review.actions.controls import ControlRow, add_controls
from cats4ml.review.actions.examples import ExampleRow, explain_label
from cats4ml.review.actions.leasing import hold_leases
from cats4ml.review.models import ControlQuestion, Lease
from cats4ml.submissions.actions.basket import put_in_basket
from cats4ml.submissions.actions.claims import keep_upload
from cats4ml.submissions.models import BasketItem, Credit, Pair
from cats4ml.submissions.queries import ClaimRow
from cats4ml_client.verifying.checking import verify_release
from tests.factories import make_user
from tests.releases.small_world import published, settle_some
from tests.web import queries_of, signed_in

ID = "f00dfeedc0ffee11"
# The log can't be changed; and who looks at the decision's own page sees the picture there behind a click.
DOCUMENTATION = {"api:schema", "api:docs", "api:redoc"}
ORGANISERS_OWN = {"console:acts", "console:acts_csv", "console:takedown_picture"}


@pytest.fixture(autouse=True)
def unthrottled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of addresses are asked for from one."""
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": None, "user": None})


@pytest.fixture
def used(world):
    """An edition that has the picture everywhere. `world.images[1]` is the picture."""
    Image.objects.filter(pk=world.images[1].pk).update(image_id=ID, title="Feeding time", author="Somebody Unique")
    PoolImage.objects.filter(image=world.images[1]).update(image_key=ID)
    world.images[1].refresh_from_db()
    world.organiser = make_user()
    world.challenge.participations.create(user=world.organiser, role=Role.ORGANISER)
    settle_some(world)
    add_controls(
        challenge=world.challenge, rows=[ControlRow(1, ID, "dog", "yes", "mixed", "")], by=None, at=world.clock
    )
    target = world.challenge.target_labels.get(label__key="cat")
    explain_label(target=target, question="", guidance="", rows=[ExampleRow(ID, fits=True)], at=world.clock)
    world.basketeer, world.holder = world.finder(), world.rater()
    put_in_basket(participation=world.basketeer, image=world.images[1], label="", at=world.clock)
    keep_upload(participation=world.basketeer, filename="a.csv", rows=[ClaimRow(1, ID, "dog", "")], at=world.clock)
    world.lease = hold_leases(rater=world.holder, at=world.pass_time(1), count=1)[0]
    world.release = published(world)
    return world


def routes() -> list[tuple[str, set[str]]]:
    """Every named address of the site and the names in it."""
    found = []

    def walk(patterns, space: str) -> None:
        for one in patterns:
            if isinstance(one, URLPattern):
                if one.name:
                    found.append((f"{space}{one.name}", set(one.pattern.converters)))
            elif one.namespace != "admin":
                walk(one.url_patterns, f"{space}{one.namespace}:" if one.namespace else space)

    walk(get_resolver().url_patterns, "")
    return found


def addresses(world, image: Image, uuids) -> list[tuple[str, str]]:
    """Each route with every sensible object of this edition in its place."""
    pair = Pair.objects.get(challenge=world.challenge, image=image, label__key="dog")
    claim = Pair.objects.get(challenge=world.challenge, image=image, label__key="cat").submissions.first()
    control = ControlQuestion.objects.get(challenge=world.challenge)
    numbers = {pair.pk, claim.pair_id, claim.pk, control.pk, image.pk, claim.participation_id}
    numbers |= set(Takedown.objects.values_list("pk", flat=True))
    files = ["CHANGELOG.md", "public/pairs.csv", "public.zip"]
    values = {
        "slug": [world.challenge.slug], "version": ["1", "2"], "name": ["images.csv", "pictures.zip"],
        "kind": ["images"],
        "image_uuid": uuids, "token": [world.lease.token], "path": files, "key": [image.image_id, ID],
        "release_id": [world.release.pk], "example_id": [1], "uuid": [world.basketeer.uploads.get().uuid],
    }  # fmt: skip
    made = []
    for name, parts in routes():
        if name in DOCUMENTATION:
            continue
        chosen: list[dict[str, object]] = [{}]
        for part in sorted(parts):
            chosen = [{**one, part: value} for one in chosen for value in values.get(part, sorted(numbers))]
        for one in chosen:
            try:
                made.append((name, reverse(name, kwargs=one)))
            except NoReverseMatch:
                continue
    return made


def telling(client: Client, wanted: list[tuple[str, str]], secrets: list[bytes]) -> set[str]:
    """The names of the routes whose answer tells one of the secrets."""
    found = set()
    for name, address in wanted:
        answer = client.get(address)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        body = body.replace(address.encode(), b"")  # what was asked for, on a page that says that it is gone
        if any(one in body or one.decode("latin-1") in str(answer.headers) for one in secrets):
            found.add(name)
    return found


def test_no_address_of_the_site_gives_a_picture_that_was_taken_down(used) -> None:
    image = used.images[1]
    with default_storage.open(str(image.file), "rb") as file:
        content = file.read()
    secrets = [ID.encode(), str(image.uuid).encode(), image.sha256.encode(), b"Somebody Unique", content[60:90]]
    clients = [Client(), signed_in(used.basketeer.user), signed_in(used.holder.user)]
    expected = {"pages:explore", "pages:picture", "submissions:queue", "api:images", "pages:data_file"}
    before = [one for one in addresses(used, image, [image.uuid]) if one[0] in expected]
    assert telling(clients[0], before, secrets) == expected
    former = image.uuid
    take_down(image=image, kind=ComplaintKind.PERSON, reason="She asked.", by=used.organiser, at=used.pass_time(1))
    after = addresses(used, image, [former, image.uuid])
    public = [one for one in after if not one[0].startswith("console:")]
    assert [telling(client, public, secrets) for client in clients] == [set(), set(), set()]
    assert telling(signed_in(used.organiser), after, secrets) - ORGANISERS_OWN == set()
    gone = clients[0].get(f"/pictures/{former}/")
    assert (gone.status_code, gone.content) == (410, b"This picture was taken down.\n")
    shown = clients[0].get(f"/pictures/{image.uuid}/", headers={"Accept": "image/webp,*/*"})
    assert (shown.status_code, shown["Content-Type"], shown["Cache-Control"]) == (410, "image/svg+xml", "no-store")


def test_what_hung_on_it_is_closed_and_what_was_settled_stands(used) -> None:
    image, points = used.images[1], list(Credit.objects.order_by("pk").values_list("points", flat=True))
    found = rehearse(image)
    assert (found.withdrawn, found.settled, found.controls, found.baskets) == (1, 2, 1, 1)
    assert [one.pk for one in found.releases] == [used.release.pk]
    with pytest.raises(HidingRefused):
        take_down(image=image, kind=ComplaintKind.OTHER, reason=" ", by=None, at=used.clock)
    first = take_down(image=image, kind=ComplaintKind.UNLAWFUL, reason="Law.", by=used.organiser, at=used.pass_time(1))
    again = take_down(image=image, kind=ComplaintKind.OTHER, reason="Again.", by=None, at=used.pass_time(1))
    assert (first.pk, again.reason) == (again.pk, "Law.")
    states = {pair.label.key: str(pair.state) for pair in Pair.objects.filter(image=image).select_related("label")}
    assert states == {"cat": "settled", "dog": "withdrawn", "owl": "settled"}
    assert list(Credit.objects.order_by("pk").values_list("points", flat=True)) == points
    assert (BasketItem.objects.count(), Lease.objects.filter(pair__image=image, closed_at=None).count()) == (0, 0)
    assert ControlQuestion.objects.get().retired_at is not None
    assert [used.claim(used.finder(), (1, "dog"))[0].problem] == ["taken_down"]
    assert [row.problem for row in used.claim(used.finder(), (2, "dog"))] == [None]
    kinds = list(used.acts().values_list("kind", flat=True))
    assert kinds.count(ActKind.TAKEDOWN) == 1
    # No import brings it back, by its id.
    [row] = add_images(collection=first.collection, images=[Image(image_id=ID)])
    assert (row.pk, Image.objects.filter(image_id=ID).exists()) == (image.pk, False)
    show_again(takedown=first, reason="A mistake.", by=used.organiser, at=used.pass_time(1))
    image.refresh_from_db()
    assert (image.image_id, image.hidden_at, Pair.objects.get(image=image, label__key="dog").withdrawn_reason) == (
        ID, None, "",
    )  # fmt: skip
    assert Client().get(f"/pictures/{image.uuid}/").status_code == 200


def test_a_release_with_it_is_withdrawn_and_made_anew_with_a_tombstone(used, tmp_path) -> None:
    old = used.release
    with default_storage.open(str(old.files.get(path="pairs.csv").file), "rb") as stored:
        lines = stored.read().decode().splitlines()
    copy_to(old, tmp_path / "old")
    image, at = used.images[1], used.pass_time(60)
    done = take_down(image=image, kind=ComplaintKind.COPYRIGHT, reason="Hers.", by=used.organiser, at=at)
    address = reverse("pages:release_file", args=[used.challenge.slug, "1", "public/pairs.csv"])
    assert Client().get(address).status_code == 410
    assert Client().get(f"/api/v1/releases/{old.pk}/archive/").status_code == 410
    new = Release.objects.get(replaces=old)
    assert (done.finished_at, new.state, new.notes) == (None, "waiting", old.notes)
    build(new, at=at + timedelta(seconds=1))
    assert sweep(at=at + timedelta(seconds=2)) == 1
    old.refresh_from_db()
    new.refresh_from_db()
    assert (new.state, new.counts["pairs"], old.purged_at is not None) == ("published", 3, True)
    assert [default_storage.exists(str(one.file)) for one in ReleaseFile.objects.filter(release=old)] == [False] * (
        old.files.count()
    )
    answer = Client().get(address)
    assert (answer.status_code, new.version in answer["Link"]) == (410, True)
    page = Client().get(reverse("pages:release", args=[used.challenge.slug, "1"])).content.decode()
    assert [old.root_digest in page, "withdrawn" in page, "public/pairs.csv" in page] == [True, True, True]
    copy_to(new, tmp_path / "new")
    assert [verify_release(tmp_path / name).differences for name in ("old", "new")] == [[], []]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "new" / "public" / "tombstones.csv").read_text())))
    stone = Tombstone.objects.get(release=old, split="public")
    assert rows == [
        {
            "release": "1",
            "position": str(stone.position),
            "image_sha256": hashlib.sha256(ID.encode()).hexdigest(),
            "row_sha256": hashlib.sha256(lines[stone.position].encode()).hexdigest(),
            "kind": "copyright",
            "taken_down_at": f"{at:%Y-%m-%d}",
        }
    ]
    # A tombstone whose picture is in the release all the same is found.
    table = tmp_path / "new" / "public" / "tombstones.csv"
    there = (tmp_path / "new" / "public" / "images.csv").read_text().splitlines()[1].split(",")[0]
    table.write_text(table.read_text().replace(rows[0]["image_sha256"], hashlib.sha256(there.encode()).hexdigest()))
    said = [one.what for one in verify_release(tmp_path / "new").differences]
    assert "A picture that was taken down is in the release." in said


def test_bytes_are_deleted_for_good_and_pictures_like_it_are_named(used) -> None:
    image, other = used.images[1], used.images[2]
    Image.objects.filter(pk__in=[image.pk, other.pk]).update(perceptual_hash=7)
    Image.objects.filter(pk=used.images[3].pk).update(perceptual_hash=-8)
    image.refresh_from_db()
    file = str(image.file)
    done = take_down(image=image, kind=ComplaintKind.UNLAWFUL, reason="Law.", by=used.organiser, at=used.pass_time(1))
    assert [one.pk for one in near_copies_of(done)] == [other.pk]
    assert (delete_for_good(takedown=done, by=used.organiser, at=used.clock), default_storage.exists(file)) == (
        True, False,
    )  # fmt: skip
    assert delete_for_good(takedown=done, by=used.organiser, at=used.clock) is False
    with pytest.raises(HidingRefused):
        show_again(takedown=done, reason="Oh.", by=used.organiser, at=used.clock)


def test_anybody_reports_a_picture_and_its_organisers_are_told_at_once(used) -> None:
    image, visitor = used.images[1], Client(REMOTE_ADDR="192.0.2.77")
    address = reverse("pages:report_picture", args=[image.uuid])
    assert address in visitor.get(reverse("pages:explore_picture", args=[used.challenge.slug, image.uuid])).text
    sent = {"kind": "person", "note": "It is me", "contact": "me@example.org"}
    assert [visitor.get(address).status_code, visitor.post(address, {"kind": "x"}).status_code] == [200, 422]
    assert visitor.post(address, {**sent, "website": "buy"}).status_code == 422
    assert PictureComplaint.objects.count() == 0
    assert visitor.post(address, sent).url == f"{address}?done=1"
    member = signed_in(used.basketeer.user)
    by_api = reverse("api:picture_reports", args=[image.uuid])
    assert [member.post(by_api, {"kind": "broken"}, content_type="application/json").status_code for _ in "ab"] == [
        201
    ] * 2
    assert Client().post(by_api, {"kind": "broken"}, content_type="application/json").status_code == 401
    found = list(PictureComplaint.objects.order_by("pk").values_list("kind", "note", "contact", "by"))
    assert found == [("person", "It is me", "me@example.org", None), ("broken", "", "", used.basketeer.user_id)]
    assert [(one.user_id, one.what, one.by_mail) for one in Notice.objects.filter(kind="takedown")] == [
        (used.organiser.pk, "picture_reported", True)
    ]
    codes = [visitor.post(address, {"kind": "other"}).status_code for _ in range(10)]
    assert codes == [302] * 9 + [422]
    console = signed_in(used.organiser)
    page = console.get(reverse("console:reports", args=[used.challenge.slug])).text
    assert ["It is me" in page, "me@example.org" in page, '<span class="nav-count">3' in page] == [True] * 3
    where = reverse("console:picture", args=[used.challenge.slug, image.pk])
    assert console.post(where, {"kind": "person", "reason": ""}).status_code == 422
    assert signed_in(make_user()).post(where, {"kind": "person", "reason": "x"}).status_code == 403
    assert console.post(where, {"kind": "person", "reason": "She asked."}).status_code == 302
    assert PictureComplaint.objects.filter(resolution="hidden").count() == PictureComplaint.objects.count()
    one = Takedown.objects.get()
    page = reverse("console:takedown", args=[used.challenge.slug, one.pk])
    assert [console.get(page).status_code, console.get(f"{page}picture/").status_code] == [200, 200]
    assert console.get(f"{page}picture/")["Cache-Control"].startswith("no-store")
    assert [visitor.get(address).status_code, console.get(where).url] == [410, page]
    console.post(f"{page}delete/")
    assert Takedown.objects.get().deleted_at is None
    console.post(f"{page}lift/", {"reason": "A mistake."})
    assert Image.objects.get(pk=image.pk).image_id == ID


def test_lists_of_reports_and_of_takedowns_cost_as_many_queries_for_three_as_for_one(world) -> None:
    organiser = make_user()
    world.challenge.participations.create(user=organiser, role=Role.ORGANISER)
    client, base = signed_in(organiser), f"/challenges/{world.challenge.slug}/console/"
    reporters = [make_user() for _ in range(3)]

    def costs(*pages: str) -> list[int]:
        return [queries_of(client, base + page) for page in pages]

    def complain(places: range) -> None:
        for place in places:
            for user in reporters:
                PictureComplaint.objects.create(
                    image=world.images[place], kind="other", by=user, created_at=world.clock
                )

    def hide(places: range) -> None:
        for place in places:
            image, by = world.images[place], reporters[place]
            take_down(image=image, kind=ComplaintKind.OTHER, reason="Asked.", by=by, at=world.pass_time(1))

    complain(range(1))
    few = costs("reports/", f"pictures/{world.images[0].pk}/")
    complain(range(1, 3))
    assert costs("reports/", f"pictures/{world.images[0].pk}/") == few
    hide(range(1))
    few = costs("reports/?done=1", "takedowns/")
    hide(range(1, 3))
    assert costs("reports/?done=1", "takedowns/") == few
