"""Addresses of signing in: allauth's, without the pages we do not offer.

Nobody has a password and nobody signs up, so those pages do not exist. Their names do: allauth looks them up.
"""

from django.urls import include, path

from members import views

NOT_OFFERED = {
    "signup/": "account_signup",
    "email/": "account_email",
    "password/change/": "account_change_password",
    "password/set/": "account_set_password",
    "password/reset/": "account_reset_password",
    "password/reset/done/": "account_reset_password_done",
    "password/reset/key/done/": "account_reset_password_from_key_done",
    "password/reset/key/<path:rest>": "account_reset_password_from_key",
}

urlpatterns = [
    path("login/", views.to_sign_in, name="account_login"),
    path("again/", views.sign_in_again, name="account_sign_in_again"),
    *(path(address, views.not_offered, name=name) for address, name in NOT_OFFERED.items()),
    path("", include("allauth.urls")),
]
