"""The log of consent: it only grows, what stands follows from it, and old rows were carried into it."""

import importlib
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from members.models import ConsentEntry, NewsletterSubscription, NewsletterSuppression, Purpose
from members.newsletter import choices, consent, links, optin, suppression, words
from nonprofit import clock, pseudonyms
from tests import builders

NOON = datetime(2026, 11, 23, 17, tzinfo=UTC)
ADDRESSES = ["ana@example.org", "bob@example.org", "charlie@example.org"]


@pytest.mark.parametrize(("table", "change"), [("consententry", "what = 'left'"), ("newsletterexport", "rows = 0")])
@pytest.mark.django_db(transaction=True)
def test_sql_cannot_change_or_remove_a_row(table: str, change: str) -> None:
    clerk = builders.staff("Staff")
    ConsentEntry.objects.create(pseudonym="x", what="asked", source="test", actor="task")
    apps.get_model("members", "NewsletterExport").objects.create(
        purpose="newsletter", rows=1, sha256="x", made_by=clerk
    )
    for statement in (
        f"UPDATE members_{table} SET {change}",
        f"DELETE FROM members_{table}",
        f"TRUNCATE members_{table}",
    ):
        with pytest.raises(IntegrityError, match="refused"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(6))
def test_what_stands_follows_from_the_log_alone(seed: int) -> None:
    """Random deeds of every kind, and then the tables are computed anew from the log."""
    builders.organization()
    chance, clerk = random.Random(seed), builders.staff("Staff")

    def rows() -> list[NewsletterSubscription]:
        return list(NewsletterSubscription.objects.order_by("pk"))

    def ticket(row: NewsletterSubscription) -> links.Ticket:
        found = links.read(links.token(row, links.CONFIRM), links.CONFIRM)
        assert found
        return found

    def some(deed: Callable[[NewsletterSubscription], object]) -> None:
        if found := rows():
            deed(chance.choice(found))

    def lift() -> None:
        for row in NewsletterSuppression.objects.filter(lifted_at=None)[:1]:
            suppression.lift(row.pk, by=clerk, because="she called")

    deeds: list[Callable[[], object]] = [
        lambda: optin.want(chance.choice(ADDRESSES), source="box", consent_at=clock.now(), shown=words.BOX),
        lambda: some(lambda row: optin.confirm(ticket(row))),
        lambda: some(lambda row: choices.leave(row.pk, source="one click")),
        lambda: choices.choose(
            chance.choice(ADDRESSES), chance.sample(Purpose.values, chance.randint(0, 3)), source="portal", actor="x"
        ),
        lambda: suppression.suppress(chance.choice(ADDRESSES), suppression.Reason.BOUNCE),
        lift,
        optin.forget_unconfirmed,
    ]
    with time_machine.travel(NOON, tick=False) as moment:
        for _ in range(120):
            chance.choice(deeds)()
            moment.shift(timedelta(hours=chance.choice([1, 5, 200])))
    for email in ADDRESSES:
        is_suppressed = NewsletterSuppression.objects.filter(email=email, lifted_at=None).exists()
        status = choices.chosen(email)
        for purpose in Purpose:
            expected = consent.Standing(status.get(purpose), is_suppressed)  # type: ignore[arg-type]
            assert consent.standing(email, purpose) == expected, f"seed {seed}, {email}, {purpose}"


@pytest.mark.django_db
def test_rows_of_the_time_before_the_log_are_carried_into_it() -> None:
    migration = importlib.import_module("members.migrations.0004_consent_carried_over_and_rights")
    for status in ("wanted", "confirmed", "unsubscribed"):
        NewsletterSubscription.objects.create(
            email=f"{status}@example.org", status=status, source="giving page", consent_at=NOON
        )
    for _ in range(2):
        migration.carry_over(apps, None)
    for row in NewsletterSubscription.objects.all():
        assert consent.standing(row.email, "newsletter") == consent.Standing(consent.Status(row.status), False)
        entries = ConsentEntry.objects.filter(pseudonym=pseudonyms.of(row.email))
        assert len(entries) == (1 if row.status == "wanted" else 2)
        assert {(entry.at, entry.source, entry.words) for entry in entries} == {(NOON, "giving page", "")}
        assert (row.changed_at == NOON) == (row.status != "wanted"), "who only wished has thirty days from now"
