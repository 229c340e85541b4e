"""Addresses of the entitlement answer."""

from django.urls import path

from members import entitlement_views

app_name = "entitlement"
urlpatterns = [
    path("", entitlement_views.ask, name="ask"),
    path("key/", entitlement_views.public_key, name="key"),
]
