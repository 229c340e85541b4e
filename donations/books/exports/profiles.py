"""The exports there are: which table each is, who may have it and in which formats."""

from collections.abc import Mapping
from dataclasses import dataclass

from donations.books.exports import journals, ledger, register, schedule_b, totals
from donations.books.exports.filters import CannotExport
from donations.books.exports.tables import Table
from donations.models import Export

Profile, Format = Export.Profile, Export.Format
MAKE, SCHEDULE_B = "donations.make_export", "donations.scheduleb_export"
# What Excel can hold, without the heading.
SHEET_ROWS = 1_048_575


@dataclass(frozen=True, slots=True)
class Exported:
    """What a profile is. is_for_program: raw CSV only. is_restricted: reason asked, and a right of its own."""

    table: Table
    about: str
    is_for_program: bool = False
    is_restricted: bool = False

    @property
    def right(self) -> str:
        return SCHEDULE_B if self.is_restricted else MAKE


PROFILES: Mapping[str, Exported] = {
    Profile.LEDGER: Exported(
        ledger.TABLE, "Every money event with its gift, fee, payout, deposit, receipt and accounts: one row each."
    ),
    Profile.RECEIPTS: Exported(register.TABLE, "Every numbered paper: what it said, what became of it."),
    Profile.SUPPORTERS: Exported(
        totals.SUPPORTERS, "What each legal donor gave in a year, with names and addresses for mail merge."
    ),
    Profile.JOURNAL_QUICKBOOKS: Exported(
        journals.QUICKBOOKS, "Journal entries for each payout, deposit, fund and account.", is_for_program=True
    ),
    Profile.JOURNAL_XERO: Exported(
        journals.XERO, "The same as manual journals, with accounts by their codes.", is_for_program=True
    ),
    Profile.SCHEDULE_B: Exported(
        schedule_b.TABLE, "Contributors of $5,000 and more in a tax year. Not public: say why.", is_restricted=True
    ),
    Profile.BOARD: Exported(totals.BOARD, "Gifts, supporters and sums by month, fund and kind. No names."),
}


def check(profile: str, format: str, reason: str) -> Exported:
    """What is asked for. Raises CannotExport."""
    exported = PROFILES.get(profile)
    if exported is None:
        raise CannotExport(f"There is no export {profile!r}. Choose: {', '.join(PROFILES)}.")
    if format not in Format.values:
        raise CannotExport(f"There is no format {format!r}. Choose: {', '.join(Format.values)}.")
    if exported.is_for_program and format != Format.CSV:
        raise CannotExport("A journal is read by a program: take CSV for programs, which changes nothing in it.")
    if exported.is_restricted and not reason.strip():
        raise CannotExport("This list names people and what they gave. Say what it is needed for.")
    return exported
