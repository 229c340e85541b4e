"""The money in the admin: supporters, gifts, receipts and books are shown; pages are edited."""

from donations.admin import (
    bank,
    batches,
    books,
    desk,
    differences,
    gifts,
    imports,
    months,
    pages,
    payouts,
    phone,
    print_runs,
    promises,
    receipts,
    returned,
    supporters,
)

__all__ = [
    "bank",
    "batches",
    "books",
    "desk",
    "differences",
    "gifts",
    "imports",
    "months",
    "pages",
    "payouts",
    "phone",
    "print_runs",
    "promises",
    "receipts",
    "returned",
    "supporters",
]
