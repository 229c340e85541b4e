"""App configuration of the floor and of the admin."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class NonprofitConfig(AppConfig):
    name = "nonprofit"
    verbose_name = "Organization"


class AdminConfig(DjangoAdminConfig):
    default_site = "nonprofit.admin_site.StaffAdminSite"
