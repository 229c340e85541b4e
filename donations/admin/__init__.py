"""The money in the admin: supporters, gifts, receipts and books are shown; pages are edited."""

from donations.admin import (
    batches,
    books,
    desk,
    gifts,
    imports,
    pages,
    phone,
    print_runs,
    promises,
    receipts,
    returned,
    supporters,
)

__all__ = [
    "batches",
    "books",
    "desk",
    "gifts",
    "imports",
    "pages",
    "phone",
    "print_runs",
    "promises",
    "receipts",
    "returned",
    "supporters",
]
