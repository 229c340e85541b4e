"""Who may open what in the admin: every address there is, tried by everybody who should not and by those who should.

The addresses come from the resolver, so a new page is found by itself; it fails here until the table says who may open
it. Whoever is refused changes nothing: every table of the database is the same afterwards.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection, models, transaction
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from pytest_django.fixtures import Settings

from nonprofit.models import User
from tests import builders, one_of_each

pytestmark = pytest.mark.django_db
E, S, F = "Data entry", "Staff", "Finance"
NOBODY: frozenset[str] = frozenset()


def who(*groups: str) -> frozenset[str]:
    return frozenset(groups)


@dataclass(frozen=True)
class Stock:
    """The pages that every table has. look: list, page and history; the others by their names."""

    look: frozenset[str]
    add: frozenset[str] = NOBODY
    change: frozenset[str] = NOBODY
    delete: frozenset[str] = NOBODY


@dataclass(frozen=True)
class Page:
    """A page of its own: who may open it, who may change something by it, and which row its address names.

    row: a key of one_of_each.rows() where it is not the page's own table.
    """

    get: frozenset[str] = NOBODY
    post: frozenset[str] = NOBODY
    row: str = ""


SF, ES, ESF = who(S, F), who(E, S), who(E, S, F)

# --- who may what: administrators may nearly everything, and nobody below is one ------------------------------------

TABLES = {
    "auth_group": Stock(NOBODY),
    "donations_account": Stock(who(F), change=who(F)),
    "donations_accountdetail": Stock(SF),
    "donations_balancetransaction": Stock(who(F)),
    "donations_bankaccount": Stock(who(F), add=who(F), change=who(F)),
    "donations_bankimport": Stock(who(F)),
    "donations_bankline": Stock(who(F)),
    "donations_batch": Stock(ESF, add=ES),
    "donations_benefit": Stock(SF, add=who(S), change=who(S)),
    "donations_campaign": Stock(SF, change=who(S)),
    "donations_difference": Stock(who(F)),
    "donations_donor": Stock(ESF, add=ES),
    "donations_donormerge": Stock(SF),
    "donations_employer": Stock(SF, add=who(S), change=who(S)),
    "donations_export": Stock(who(F)),
    "donations_fund": Stock(SF, add=who(F), change=who(F)),
    "donations_gift": Stock(SF),
    "donations_giftimport": Stock(SF),
    "donations_ledgerentry": Stock(who(F)),
    "donations_month": Stock(who(F)),
    "donations_payout": Stock(who(F)),
    "donations_phonecall": Stock(who(S)),
    "donations_plan": Stock(SF),
    "donations_installment": Stock(SF),
    "donations_chargeday": Stock(SF),
    "donations_renewals": Stock(SF, change=who(F)),
    "donations_printrun": Stock(SF),
    "donations_promise": Stock(SF),
    "donations_policy": Stock(who(F), change=who(F)),
    "donations_promisepart": Stock(SF),
    "donations_receipt": Stock(SF),
    "donations_receiptdue": Stock(SF),
    "donations_rendertrouble": Stock(SF),
    "donations_dispute": Stock(SF),
    "donations_refund": Stock(SF),
    "donations_reversal": Stock(who(F)),
    "donations_statementdue": Stock(who(F)),
    "donations_statementrun": Stock(SF),
    "donations_safeharbor": Stock(who(F), add=who(F), change=who(F)),
    "donations_statementtext": Stock(SF),
    "donations_stripeevent": Stock(who(F)),
    "donations_tag": Stock(SF, add=who(S), change=who(S)),
    "donations_way": Stock(SF, add=who(S), change=who(S)),
    "members_consententry": Stock(SF),
    "members_newsletterexport": Stock(SF),
    "members_newsletternews": Stock(SF),
    "members_emailchange": Stock(SF),
    "members_erasurerequest": Stock(SF),
    "members_fulfilment": Stock(SF),
    "members_level": Stock(SF),
    "members_levelbenefit": Stock(SF),
    "members_membership": Stock(SF),
    "members_membershippolicy": Stock(NOBODY),
    "members_newslettersubscription": Stock(SF),
    "members_newslettersuppression": Stock(SF),
    "mfa_authenticator": Stock(NOBODY),
    "nonprofit_auditentry": Stock(who(F)),
    "nonprofit_organization": Stock(SF),
    "nonprofit_outgoingemail": Stock(SF),
    "nonprofit_user": Stock(NOBODY),
}
PAGES = {
    "index": Page(ESF, ESF),
    "app_list": Page(ESF, ESF),
    "jsi18n": Page(ESF),
    "view_on_site": Page(row="donations_gift"),
    "password_change": Page(ESF, ESF),
    "password_change_done": Page(ESF),
    "donations_plan_forecast": Page(SF),
    "donations_plan_retention": Page(SF),
    "donations_plan_ask": Page(who(S), who(S)),
    "donations_plan_at_stripe": Page(who(F), who(F)),
    "donations_plan_take_over": Page(who(F), who(F), row="plan_at_stripe"),
    "donations_plan_card": Page(who(S)),
    "donations_plan_card_take": Page(post=who(S)),
    "donations_plan_card_link": Page(post=who(S)),
    "donations_chargeday_go_on": Page(post=who(F)),
    "donations_batch_find": Page(ES),
    "donations_batch_promises": Page(ES),
    "donations_batch_new_supporter": Page(post=ES),
    "donations_batch_header": Page(ES, ES),
    "donations_batch_save_row": Page(post=ES),
    "donations_batch_remove_row": Page(post=ES),
    "donations_batch_accept_row": Page(post=ES),
    "donations_batch_aside_row": Page(post=ES),
    "donations_batch_summary": Page(ESF),
    "donations_batch_close": Page(post=SF),
    "donations_batch_override": Page(post=who(F)),
    "donations_batch_discard": Page(post=SF),
    "donations_batch_bank": Page(post=SF, row="closed_batch"),
    "donations_batch_slip": Page(SF, row="closed_batch"),
    "donations_bankimport_upload": Page(who(F), who(F)),
    "donations_bankimport_columns": Page(post=who(F)),
    "donations_bankimport_bring_in": Page(post=who(F)),
    "donations_bankimport_discard": Page(post=who(F)),
    "donations_bankline_tie": Page(post=who(F)),
    "donations_bankline_untie": Page(post=who(F)),
    "donations_bankline_explain": Page(post=who(F)),
    "donations_difference_explain": Page(post=who(F)),
    "donations_difference_adjust": Page(post=who(F)),
    "donations_month_finance": Page(who(F)),
    "donations_month_tie_out": Page(who(F)),
    "donations_month_rows": Page(who(F)),
    "donations_month_compare": Page(post=who(F)),
    "donations_month_close": Page(post=who(F)),
    "donations_month_reopen": Page(post=who(F)),
    "donations_donor_edit": Page(who(S), who(S)),
    "donations_donor_note": Page(post=who(S)),
    "donations_donor_alike": Page(who(S)),
    "donations_donor_merge_with": Page(who(S)),
    "donations_donor_merge": Page(who(S), who(S)),
    "donations_donor_not_the_same": Page(post=who(S)),
    "donations_donormerge_undo": Page(post=who(S)),
    "donations_export_new": Page(who(F), who(F)),
    "donations_export_progress": Page(who(F)),
    "donations_export_file": Page(post=who(F)),
    "donations_export_control": Page(post=who(F)),
    "donations_giftimport_upload": Page(who(F), who(F)),
    "donations_giftimport_columns": Page(who(F), who(F)),
    "donations_giftimport_apply": Page(post=who(F)),
    "donations_giftimport_undo": Page(post=who(F)),
    "donations_giftimport_progress": Page(SF),
    "donations_giftimport_problems": Page(SF),
    "donations_stripeevent_again": Page(post=who(F)),
    "donations_benefit_came": Page(SF, SF, row="unpapered_gift"),
    "donations_benefit_declined": Page(SF, SF, row="donations_giftbenefit"),
    "donations_benefit_taken": Page(SF, SF, row="donations_giftbenefit"),
    "donations_safeharbor_verify": Page(post=who(F)),
    "donations_statementtext_state": Page(who(F), who(F)),
    "donations_statementtext_write": Page(who(F), who(F)),
    "donations_campaign_default": Page(),
    "members_emailchange_done": Page(who(S), who(S)),
    "members_erasurerequest_erase": Page(who(F), who(F)),
    "members_erasurerequest_refuse": Page(who(F), who(F)),
    "members_fulfilment_again": Page(who(S), who(S)),
    "members_fulfilment_csv": Page(who(S)),
    "members_fulfilment_decline": Page(who(S), who(S)),
    "members_fulfilment_returned": Page(who(S), who(S)),
    "members_fulfilment_ship": Page(who(S), who(S)),
    "members_membership_add_person": Page(who(S), who(S)),
    "members_membership_end": Page(who(S), who(S), row="members_membershipgrant"),
    "members_membership_from_gift": Page(who(S), who(S)),
    "members_membership_lapsed": Page(SF),
    "members_membership_give": Page(who(S), who(S)),
    "members_membership_remove_person": Page(who(S), who(S), row="members_membershipperson"),
    "donations_phonecall_take": Page(who(S), who(S)),
    "donations_phonecall_call": Page(who(S), row="phone_gift"),
    "donations_phonecall_agree": Page(post=who(S), row="phone_gift"),
    "donations_phonecall_charge": Page(post=who(S), row="phone_gift"),
    "donations_phonecall_send_again": Page(post=who(S), row="phone_gift"),
    "donations_printrun_make": Page(post=SF),
    "donations_printrun_pdf": Page(SF),
    "donations_printrun_mailed": Page(post=SF),
    "donations_promise_new": Page(who(S), who(S)),
    "donations_promise_new_of": Page(who(S), who(S), row="donations_donor"),
    "donations_promise_match": Page(who(S), who(S), row="donations_gift"),
    "donations_promise_whose": Page(who(S), who(S), row="nameless_gift"),
    "donations_promise_change_part": Page(who(S), who(S), row="donations_promisepart"),
    "donations_promise_send_link": Page(post=who(S), row="donations_promisepart"),
    "donations_promise_paid_by": Page(who(S), who(S), row="donations_promisepart"),
    "donations_promise_write_off_part": Page(who(F), who(F), row="donations_promisepart"),
    "donations_promise_take_back": Page(who(F), who(F), row="donations_promisepart"),
    "donations_promise_write_off": Page(who(F), who(F)),
    "donations_promise_detach": Page(who(S), who(S), row="donations_promisepayment"),
    "donations_receipt_pdf": Page(SF),
    "donations_receipt_send_again": Page(post=who(F)),
    "donations_rendertrouble_try_again": Page(post=who(F)),
    "donations_dispute_worklist": Page(SF),
    "donations_dispute_note": Page(post=SF),
    "donations_refund_ask": Page(SF, SF, row="donations_gift"),
    "donations_refund_decide": Page(who(F), who(F)),
    "donations_receipt_numbers": Page(who(F)),
    "donations_receipt_to_tell": Page(who(F)),
    "donations_receipt_told": Page(post=who(F), row="void_receipt"),
    "donations_receipt_correct": Page(who(F), who(F)),
    "donations_receipt_voided": Page(SF, row="void_receipt"),
    "donations_receipt_copy": Page(post=who(F)),
    "donations_receipt_copied": Page(SF, row="receipt_copy"),
    "donations_printrun_broken_off": Page(SF, SF),
    "donations_reversal_find": Page(who(F)),
    "donations_reversal_to_tell": Page(who(F)),
    "donations_reversal_told": Page(post=who(F), row="returned_gift"),
    "donations_reversal_returned": Page(who(F), who(F), row="donations_gift"),
    "donations_reversal_wrong": Page(who(F), who(F), row="donations_gift"),
    "donations_statementdue_look_again": Page(post=who(F)),
    "donations_statementrun_plan": Page(who(F), who(F)),
    "donations_statementrun_day": Page(post=who(F)),
    "donations_statementrun_count": Page(post=who(F)),
    "donations_statementrun_start": Page(post=who(F)),
    "donations_statementrun_pause": Page(post=who(F)),
    "donations_statementrun_resume": Page(post=who(F)),
    "donations_statementrun_progress": Page(SF),
    "donations_statementrun_rows": Page(SF),
    "members_newslettersubscription_export": Page(post=who(S)),
    "members_newslettersubscription_leave": Page(post=who(S)),
    "members_newslettersubscription_again": Page(post=who(S)),
    "members_newslettersuppression_lift": Page(post=who(S)),
    "members_newsletternews_replay": Page(post=who(S)),
    "nonprofit_outgoingemail_send_again": Page(post=who(F)),
}
# What is done to several rows of a list at once.
ACTIONS = {
    "donations_receipt.send_again": who(F),
    "donations_receiptdue.look_again": who(F),
    "donations_stripeevent.handle_again": who(F),
    "members_newsletternews.replay": who(S),
    "nonprofit_outgoingemail.send_again": who(F),
}
# Signing in and out is for everybody; what stands at no address is told to staff only; "autocomplete" has its own test.
OPEN = {"login", "logout", "autocomplete"}

# --- finding every address ------------------------------------------------------------------------------------------

STOCK_PAGES = {"changelist": "look", "add": "add", "change": "look", "history": "look", "delete": "delete"}


@dataclass(frozen=True)
class Address:
    name: str
    path: str
    get: frozenset[str]
    post: frozenset[str]


def patterns(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, str]]:
    """(route, name) of every address under it."""
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        elif isinstance(entry, URLPattern):
            yield route, entry.name or ""


def routes() -> list[tuple[str, str]]:
    return [(route, name) for route, name in patterns(get_resolver()) if route.startswith("admin/")]


def rule(name: str) -> Page | None:
    """What the table says of an address; None when it says nothing."""
    if name in PAGES:
        return PAGES[name]
    table, _, page = name.rpartition("_")
    if table not in TABLES or page not in STOCK_PAGES:
        return None
    stock = TABLES[table]
    if page in ("add", "delete"):
        allowed = getattr(stock, page)
        return Page(allowed, allowed)
    return Page(stock.look, stock.change if page == "change" else NOBODY)


def addresses(rows: dict[str, Any]) -> Iterator[Address]:
    """Every address with a name, filled in with rows that exist."""
    for route, name in routes():
        page = rule(name)
        if page is None or name in OPEN:
            continue
        table = next(
            (t for t in (page.row, name, name.rpartition("_")[0], "_".join(name.split("_")[:2])) if t in rows), ""
        )
        values = {
            "object_id": rows.get(table),
            "pk": rows.get(table),
            "gift_id": rows.get(table),
            "row_id": rows["donations_batchrow"],
            **dict.fromkeys(("kept", "one"), rows["donations_donor"]),
            **dict.fromkeys(("gone", "other"), rows["other_donor"]),
            "content_type_id": rows["contenttypes_contenttype"],
            "app_label": "donations",
            "month": "2026-11",
            "code": "clearing",
            "what": "statements",
            "change": "amount",
            "sentence": "S0",
        }
        wanted = re.findall(r"<(?:\w+:)?(\w+)>", route)
        missing = [key for key in wanted if values.get(key) is None]
        assert not missing, f"{route}: say in tests/one_of_each.py or in PAGES which row {missing} is"
        yield Address(name, reverse(f"admin:{name}", kwargs={key: values[key] for key in wanted}), page.get, page.post)


def test_somebody_has_said_who_may_open_every_address() -> None:
    unsaid = [f"{name}: {route}" for route, name in routes() if name and name not in OPEN and rule(name) is None]
    assert not unsaid, "say who may open this in TABLES or PAGES:\n" + "\n".join(unsaid)
    there = {name for _, name in routes()}
    gone = [name for name in PAGES if name not in there]
    gone += [table for table in TABLES if f"{table}_changelist" not in there]
    assert not gone, f"there is no such page any more: {gone}"


# --- trying them ----------------------------------------------------------------------------------------------------


@pytest.fixture
def rows(settings: Settings) -> dict[str, Any]:
    settings.REQUIRE_STAFF_MFA = False
    return one_of_each.rows()


def signed_in(group: str) -> Client:
    """A browser of somebody of that group; "supporter": signed in and no staff; "stranger": not signed in."""
    client = Client()
    if group == "stranger":
        return client
    email = f"{group.lower().replace(' ', '-')}@example.org"
    user = User.objects.create_user(email) if group == "supporter" else builders.staff(group, email=email)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def is_closed(answer: Any) -> bool:
    """Refused: sent to sign in, told no, or told that one cannot do that here."""
    if answer.status_code == 302:
        return str(answer["Location"]).startswith("/admin/login/")
    return answer.status_code in (403, 404, 405)


def tried(client: Client, method: str, path: str) -> tuple[bool, str]:
    """Whether the page let them in, and what broke in it then, if anything."""
    try:
        answer = getattr(client, method)(path)
    except Exception as error:
        # A page that asks Stripe let them in; the test's own transaction is all that stops it.
        is_ours = "Stripe must not be called inside a transaction" in str(error)
        return True, "" if is_ours else f"{type(error).__name__}: {error}"
    return not is_closed(answer), ""


def everything() -> str:
    """A fingerprint of every row of every table; sessions come and go by themselves."""
    tables = sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)} - {"django_session"})
    sums = " UNION ALL ".join(
        f"SELECT coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {table} t" for table in tables
    )
    with connection.cursor() as cursor:
        cursor.execute(sums)
        return ",".join(str(row[0]) for row in cursor.fetchall())


def written() -> int:
    """How many rows this transaction has written so far, taken back or not. While it stands still nothing changes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables"
            " WHERE relname <> 'django_session'"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("person", ["stranger", "supporter", E, S, F])
def test_every_address_opens_to_those_it_is_for_and_to_nobody_else(rows: dict[str, Any], person: str) -> None:
    client, before, wrong = signed_in(person), everything(), []
    so_far = written()
    for address in addresses(rows):
        for method, allowed, other in (("get", address.get, address.post), ("post", address.post, address.get)):
            mark, what = transaction.savepoint(), f"{method} {address.name} {address.path}"
            is_open, broken = tried(client, method, address.path)
            if broken:
                wrong.append(f"{what}: broke with {broken}")
            # Those who may look may send, too, and those who may send may look: nothing comes of it.
            if is_open != (person in allowed) and not (is_open and person in other):
                wrong.append(f"{what}: {'opened' if is_open else 'refused'}")
            so_far, rows_before = written(), so_far
            if so_far != rows_before and not (method == "post" and person in allowed) and everything() != before:
                wrong.append(f"{what}: something changed")
            transaction.savepoint_rollback(mark)
    assert not wrong, f"{person}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("person", ["stranger", "supporter", E, S, F])
def test_actions_on_lists_are_done_by_those_they_are_for(rows: dict[str, Any], person: str) -> None:
    everyone = builders.staff(email="root@example.org", is_superuser=True)
    client, before, found = signed_in(person), everything(), set()
    for model, model_admin in admin.site._registry.items():
        table = f"{model._meta.app_label}_{model._meta.model_name}"
        for action in _actions(model_admin, everyone):
            name = f"{table}.{action}"
            found.add(name)
            if action == "delete_selected" and not TABLES[table].delete:
                allowed = NOBODY
            else:
                assert name in ACTIONS, f"say in ACTIONS who may do this: {name}"
                allowed = ACTIONS[name]
            mark = transaction.savepoint()
            sent = {"action": action, "_selected_action": rows[table], "index": 0, "post": "yes"}
            answer = client.post(reverse(f"admin:{table}_changelist"), sent)
            if person in allowed:
                offered = dict(
                    client.get(reverse(f"admin:{table}_changelist")).context["action_form"].fields["action"].choices
                )
                assert action in offered, f"{person} should be offered {name}"
            else:
                assert everything() == before, f"{person} did {name} ({answer.status_code})"
            transaction.savepoint_rollback(mark)
    assert set(ACTIONS) <= found, f"there is no such action any more: {set(ACTIONS) - found}"


def _actions(model_admin: Any, user: User) -> list[str]:
    """The actions that a list offers to somebody who may do everything."""
    request = RequestFactory().get("/")
    request.user = user
    return list(model_admin.get_actions(request))


@pytest.mark.parametrize("person", ["stranger", "supporter", E, S, F])
def test_choices_are_looked_up_only_by_those_who_may_see_them(rows: dict[str, Any], person: str) -> None:
    client, wrong = signed_in(person), []
    for model in apps.get_models():
        for field in model._meta.get_fields():
            remote = getattr(field, "related_model", None)
            if not isinstance(field, models.ForeignKey | models.ManyToManyField) or remote not in admin.site._registry:
                continue
            asked = {
                "app_label": model._meta.app_label,
                "model_name": str(model._meta.model_name),
                "field_name": field.name,
            }
            answer = client.get(reverse("admin:autocomplete"), {**asked, "term": ""})
            table = f"{remote._meta.app_label}_{remote._meta.model_name}"
            may = person in TABLES[table].look and bool(admin.site._registry[remote].search_fields)
            if is_closed(answer) == may:
                wrong.append(f"{asked}: {answer.status_code}")
    assert not wrong, f"{person}:\n" + "\n".join(wrong)


@pytest.mark.parametrize("person", ["stranger", "supporter"])
def test_what_stands_at_no_address_is_told_to_nobody_else(rows: dict[str, Any], person: str) -> None:
    client = signed_in(person)
    for path in ("/admin/donations/", "/admin/nowhere/", f"/admin/donations/gift/{rows['donations_gift']}/"):
        assert is_closed(client.get(path)), path
