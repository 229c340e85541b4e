"""The money in the admin: supporters, gifts, receipts and books are shown; pages are edited."""

from donations.admin import books, desk, gifts, pages, phone, promises, receipts, returned, supporters

__all__ = ["books", "desk", "gifts", "pages", "phone", "promises", "receipts", "returned", "supporters"]
