"""Addresses of the portal."""

from django.urls import path

from members import views
from members.newsletter import views as newsletter

app_name = "members"
urlpatterns = [
    path("", views.portal, name="portal"),
    path("receipts/<str:number>/", views.receipt, name="receipt"),
    path("newsletter/", newsletter.portal, name="newsletter"),
]
