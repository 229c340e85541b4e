"""Members in the admin, by noun."""

from members import admin_fulfilment, admin_memberships, admin_newsletter

__all__ = ["admin_fulfilment", "admin_memberships", "admin_newsletter"]
