"""What a merge of two supporters decides: which values stay, what moves, what stands in the way. Only reads."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Q

from donations.models import (
    BatchRow,
    Donor,
    DonorAddress,
    DonorEmail,
    DonorMerge,
    DonorNote,
    Employer,
    FormerId,
    Gift,
    NotTheSame,
    Plan,
    Promise,
    SoftCredit,
    Tag,
)
from nonprofit.models import User

KEPT, GONE = "kept", "gone"
Choices = Mapping[str, str]

ADDRESS = ("address_line1", "address_line2", "city", "region", "postal_code", "country")
# What is chosen as one, with its columns and its name for people.
GROUPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "name": ("Legal name", ("name",)),
    "kind": ("Kind", ("kind",)),
    "addressee": ("On the envelope", ("addressee",)),
    "salutation": ("Salutation", ("salutation",)),
    "email": ("Main e-mail", ("email",)),
    "phone": ("Phone", ("phone",)),
    "address": ("Address", ADDRESS),
}
SIGN_IN = "sign_in"
# A wish not to be written to holds for the person, whichever record it stood on.
FLAGS = ("is_deceased", "is_not_contacted", "is_not_mailed", "is_anonymous", "wants_no_letter")
# Every column that says whose a row is, in the order of the locks, with its name for people. Ledger rows stay as
# booked; gone records that were merged into `gone` lead on through it.
MOVES: dict[str, tuple[type[models.Model], str]] = {
    "plan.donor": (Plan, "monthly and yearly gifts"),
    "batchrow.donor": (BatchRow, "rows in batches"),
    "batchrow.recognized": (BatchRow, "rows in batches that thank them"),
    "gift.donor": (Gift, "gifts"),
    "softcredit.donor": (SoftCredit, "gifts of others they are thanked for"),
    "promise.donor": (Promise, "promises"),
    "employer.donor": (Employer, "entries as an employer that matches"),
    "donoremail.donor": (DonorEmail, "further e-mails"),
    "donoraddress.donor": (DonorAddress, "further addresses"),
    "donornote.donor": (DonorNote, "notes"),
    "formerid.donor": (FormerId, "numbers in other systems"),
    "tags.donor": (Tag.donors.through, "tags"),
}


class CannotMerge(Exception):
    """The merge, or taking it back, would be wrong; the text says why to the person who asked."""


@dataclass(frozen=True, slots=True)
class LeftOver:
    """What has no place in the one record: a second e-mail and address, and other words for a note."""

    email: str
    address: dict[str, str]
    note: str


def moves_too(model: type[models.Model], column: str, words: str) -> None:
    """Rows of a table of a floor above move with their supporter and come back. Called once, while apps are loaded.

    The column must be in no uniqueness that two records of one supporter could both fill.
    """
    MOVES[f"{model._meta.model_name}.{column}"] = (model, words)


def table(name: str) -> type[models.Model]:
    """The model of a name in MOVES."""
    return MOVES[name][0]


def rows_to_move(kept: Donor, gone: Donor) -> dict[str, "models.QuerySet[Any]"]:
    """Rows of `gone` by name in MOVES. Left behind: what `kept` has already, and thanks for one's own gift."""
    found = {name: model._default_manager.filter(**{name.split(".")[1]: gone}) for name, (model, _) in MOVES.items()}
    has = SoftCredit.objects.filter(donor=kept).values("gift")
    found["softcredit.donor"] = found["softcredit.donor"].exclude(Q(gift__donor=kept) | Q(gift__in=has))
    found["tags.donor"] = found["tags.donor"].exclude(tag__donors=kept)
    return found


def check(kept: Donor, gone: Donor, choices: Choices) -> None:
    """Nothing stands in the way of merging. Raises CannotMerge."""
    for donor in (kept, gone):
        if donor.merged_into is not None:
            raise CannotMerge(f"{donor.public_id} was merged into {donor.merged_into.public_id} already.")
    if any(name not in {*GROUPS, SIGN_IN} or side not in (KEPT, GONE) for name, side in choices.items()):
        raise CannotMerge("One of the choices is not understood. Please load the page again.")
    if kept.user_id and gone.user_id and SIGN_IN not in choices:
        raise CannotMerge("Both sign in to the portal. Ask which sign-in they want to keep, and choose it here.")
    if Employer.objects.filter(donor__in=(kept, gone)).count() > 1:
        raise CannotMerge("Both are known as employers that match gifts. Put those two together first.")
    unknown = [donor for donor in (kept, gone) if donor.kind == Donor.Kind.UNKNOWN]
    if len(unknown) == 1 and Gift.objects.filter(donor=unknown[0]).exists():
        # Their gifts had no receipt, and a merge makes none due.
        raise CannotMerge(
            f"{unknown[0].public_id} stands for gifts without a name. Say on the page of each gift whose it is: then "
            "its receipt goes out."
        )


def not_their_own(donors: tuple[Donor, ...], user: User) -> None:
    """Nobody of the staff merges a record of their own (rule 92). Raises CannotMerge."""
    if user.pk in {donor.user_id for donor in donors}:
        raise CannotMerge("One of these records is your own. Please ask a colleague to do this.")


def sides(kept: Donor, gone: Donor, choices: Choices) -> dict[str, str]:
    """Whose value stays, by name in GROUPS: as chosen, else that of `kept` unless it has none.

    The main e-mail of somebody who signs in is the one they sign in with.
    """
    taken = {}
    for name, (_, columns) in GROUPS.items():
        has_kept, has_gone = (any(_known(donor, column) for column in columns) for donor in (kept, gone))
        taken[name] = choices.get(name, KEPT if has_kept or not has_gone else GONE)
    signs_in = sign_in_side(kept, gone, choices)
    if signs_in:
        taken["email"] = signs_in
    if not (kept if taken["email"] == KEPT else gone).email:
        taken["email"] = GONE if taken["email"] == KEPT else KEPT
    return taken


def sign_in_side(kept: Donor, gone: Donor, choices: Choices) -> str:
    """Whose sign-in stays; "" where nobody signs in."""
    if kept.user_id and gone.user_id:
        return choices.get(SIGN_IN, KEPT)
    return KEPT if kept.user_id else GONE if gone.user_id else ""


def _known(donor: Donor, column: str) -> bool:
    value = getattr(donor, column)
    return bool(value) and value != Donor.Kind.UNKNOWN


def decide(kept: Donor, gone: Donor, choices: Choices) -> dict[str, Any]:
    """The columns of `kept` that change, with their new values."""
    values: dict[str, Any] = {name: getattr(kept, name) or getattr(gone, name) for name in FLAGS}
    for name, side in sides(kept, gone, choices).items():
        if side == GONE:
            values |= {column: getattr(gone, column) for column in GROUPS[name][1]}
    if sign_in_side(kept, gone, choices) == GONE:
        values["user_id"] = gone.user_id
    return {name: value for name, value in values.items() if value != getattr(kept, name)}


def left_over(kept: Donor, gone: Donor, decided: Mapping[str, Any]) -> LeftOver:
    """What the one record cannot hold and is kept beside it."""
    chosen = {name: decided.get(name, getattr(kept, name)) for _, columns in GROUPS.values() for name in columns}
    emails = [email for email in (kept.email, gone.email) if email and email != chosen["email"]]
    addresses = [{name: getattr(donor, name) for name in ADDRESS} for donor in (kept, gone)]
    other = [one for one in addresses if one["address_line1"] and any(one[name] != chosen[name] for name in ADDRESS)]
    lines = []
    for donor in (kept, gone):
        for name in ("name", "addressee", "salutation", "phone"):
            value = getattr(donor, name)
            if value and value != chosen[name]:
                lines.append(f"{GROUPS[name][0]} of {donor.public_id}: {value}")
    note = "\n".join([f"Merged from {gone.public_id}.", *lines]) if lines else ""
    return LeftOver("".join(emails), other[0] if other else {}, note)


def check_undo(record: DonorMerge, kept: Donor, user: User) -> None:
    """Nothing stands in the way of taking the merge back. Raises CannotMerge."""
    not_their_own((kept,), user)
    if kept.merged_into is not None:
        raise CannotMerge(
            f"{kept.public_id} was itself merged into {kept.merged_into.public_id} since. Take that back first."
        )
    newer = DonorMerge.objects.filter(kept=kept, undone_at=None, pk__gt=record.pk).order_by("-pk").first()
    if newer is not None:
        raise CannotMerge(
            f"{newer.gone.public_id} was merged into {kept.public_id} after this. Take that back first: "
            "the last merge is the first to go."
        )
    restored(record, kept)


def restored(record: DonorMerge, kept: Donor) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of `kept` that go back to what they were, and e-mail and sign-in of the record that stands again.

    Raises CannotMerge where an e-mail or a sign-in belongs to somebody else by now.
    """
    was, after, gone = record.moved["kept"], record.moved["after"], record.moved["gone"]
    back = {name: was[name] for name, value in after.items() if getattr(kept, name) == value}
    if not all(getattr(kept, name) == after.get(name, getattr(kept, name)) for name in ADDRESS):
        back = {name: value for name, value in back.items() if name not in ADDRESS}
    back.pop("user_id", None)
    if kept.email and kept.email == gone["email"]:
        back["email"] = was["email"]
    for email in (gone["email"], back.get("email")):
        _is_free(email, record)
    back_user, own_user = _sign_ins(record, kept)
    if back_user != kept.user_id:
        back["user_id"] = back_user
    return back, {"email": gone["email"], "user_id": own_user}


def _is_free(email: str | None, record: DonorMerge) -> None:
    ours = (record.kept_id, record.gone_id)
    holders = Donor.objects.filter(Q(email=email) | Q(further_emails__email=email)).exclude(pk__in=ours)
    holder = holders.first() if email else None
    if holder is not None:
        raise CannotMerge(f"The e-mail {email} belongs to {holder.public_id} by now. Take it off there first.")


def _sign_ins(record: DonorMerge, kept: Donor) -> tuple[int | None, int | None]:
    """Who signs in as the kept record and who as the other one, once they are two again.

    A sign-in made since the merge goes with its e-mail: nobody may come to see what another person gave.
    """
    was, gone = record.moved["kept"]["user_id"], record.moved["gone"]
    own, now = gone["user_id"], kept.user_id
    if own is None and now is not None and now != was and User.objects.filter(pk=now, email=gone["email"]).exists():
        own = now
    back = was if now == own else now
    for user_id in {own, back} - {None}:
        holder = Donor.objects.filter(user_id=user_id).exclude(pk=kept.pk).first()
        if holder is not None:
            raise CannotMerge(f"A sign-in of theirs belongs to {holder.public_id} by now. Put that right first.")
    known = set(User.objects.filter(pk__in={own, back} - {None}).values_list("pk", flat=True))
    return (back if back in known else None), (own if own in known else None)


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the preview: a value of each record, and whose stays. is_open: staff may choose."""

    name: str
    label: str
    kept: str
    gone: str
    taken: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What a merge would do. moving: (what, how many); obstacle: why it is refused, "" if it is not."""

    kept: Donor
    gone: Donor
    choices: list[Choice]
    moving: list[tuple[str, int]]
    warnings: list[str]
    obstacle: str


def preview(kept: Donor, gone: Donor, user: User, choices: Choices) -> Preview:
    """What merging would move, keep and ask."""
    try:
        check(kept, gone, choices)
        not_their_own((kept, gone), user)
        obstacle = ""
    except CannotMerge as error:
        obstacle = str(error)
    moving = [(MOVES[name][1], rows.count()) for name, rows in rows_to_move(kept, gone).items()]
    return Preview(
        kept, gone, _lines(kept, gone, choices), [one for one in moving if one[1]], _warnings(kept, gone), obstacle
    )


def _lines(kept: Donor, gone: Donor, choices: Choices) -> list[Choice]:
    taken, lines = sides(kept, gone, choices), []
    for name, (label, columns) in GROUPS.items():
        texts = [_text(donor, name, columns) for donor in (kept, gone)]
        follows = name == "email" and bool(sign_in_side(kept, gone, choices))
        is_open = texts[0] != texts[1] and not follows and (name != "email" or all(texts))
        if any(texts):
            lines.append(Choice(name, label, texts[0], texts[1], taken[name], is_open))
    if kept.user is not None or gone.user is not None:
        one, other = (donor.user.email if donor.user else "" for donor in (kept, gone))
        side = sign_in_side(kept, gone, choices)
        lines.append(Choice(SIGN_IN, "Signs in as", one, other, side, bool(one and other)))
    return lines


def _text(donor: Donor, name: str, columns: tuple[str, ...]) -> str:
    if name == "kind":
        return donor.get_kind_display()
    return ", ".join(str(getattr(donor, column)) for column in columns if getattr(donor, column))


def _warnings(kept: Donor, gone: Donor) -> list[str]:
    """What a careful person would look at once more."""
    said = []
    first, second = sorted((kept.pk, gone.pk))
    if NotTheSame.objects.filter(first=first, second=second).exists():
        said.append("Somebody looked at these two before and found that they are not the same.")
    if kept.kind != gone.kind and Donor.Kind.UNKNOWN not in (kept.kind, gone.kind):
        said.append(
            f"One is kept as {kept.get_kind_display()}, the other as {gone.get_kind_display()}. A company or "
            "foundation is a legal donor of its own, also when one person runs it."
        )
    plans = [Plan.objects.filter(donor=donor, status=Plan.Status.ACTIVE).exists() for donor in (kept, gone)]
    if all(plans):
        said.append("Both have a monthly or yearly gift that runs. Both go on; ask whether both are meant.")
    if kept.is_deceased != gone.is_deceased:
        said.append("One of them is marked as having died. The one record will be marked so.")
    return said
