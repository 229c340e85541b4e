"""Addresses of giving."""

from django.urls import path

from donations import paying, verification, views, webhooks

app_name = "donations"
urlpatterns = [
    path("stripe/webhook/", webhooks.stripe, name="webhook"),
    path("", views.give, name="home"),
    path("give/", views.give, name="give"),
    path("give/pay/<str:token>/", paying.pay, name="pay"),
    path("give/<slug:slug>/", views.give, name="campaign"),
    path("thanks/<uuid:token>/", views.thanks, name="thanks"),
    path("thanks/<uuid:token>/status/", views.status, name="status"),
    path("colors-<int:version>.css", views.colors_css, name="colors"),
    path("receipts/check/", verification.check, name="check_receipts"),
    path("receipts/check/<str:code>/", verification.check, name="check_receipt"),
    path("ways/", views.ways, name="ways"),
    path("ways/<int:way_id>/account/", views.account_details, name="account_details"),
    path("ways/reply-slip/", views.reply_slip, name="reply_slip"),
]
