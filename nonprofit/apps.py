"""App configuration of the floor and of the admin."""

from importlib import import_module

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class NonprofitConfig(AppConfig):
    name = "nonprofit"
    verbose_name = "Organization"

    def ready(self) -> None:
        import_module("nonprofit.checks")
        import_module("nonprofit.lookups")


class AdminConfig(DjangoAdminConfig):
    default_site = "nonprofit.admin_site.StaffAdminSite"
