"""Addresses of the newsletter: for everybody, and signed ones for who has the mailbox."""

from django.urls import path

from members.newsletter import views

app_name = "newsletter"
urlpatterns = [
    path("", views.join, name="join"),
    path("sent/", views.sent, name="sent"),
    path("confirm/<str:token>/", views.confirm, name="confirm"),
    path("confirm/<str:token>/again/", views.again, name="again"),
    path("leave/<str:token>/", views.leave, name="leave"),
    path("preferences/<str:token>/", views.preferences, name="preferences"),
]
