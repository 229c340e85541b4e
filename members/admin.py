"""Members in the admin, by noun."""

from members import admin_account, admin_fulfilment, admin_memberships, admin_newsletter, admin_supporter

__all__ = ["admin_account", "admin_fulfilment", "admin_memberships", "admin_newsletter", "admin_supporter"]
