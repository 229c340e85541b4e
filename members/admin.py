"""Members in the admin, by noun."""

from members import admin_newsletter

__all__ = ["admin_newsletter"]
