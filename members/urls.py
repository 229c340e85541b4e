"""Addresses of the portal."""

from django.urls import path

from members import monthly, views
from members.newsletter import views as newsletter

app_name = "members"
urlpatterns = [
    path("", views.portal, name="portal"),
    path("monthly/<int:plan_id>/", monthly.plan, name="plan"),
    path("monthly/<int:plan_id>/card/", monthly.card, name="plan_card"),
    path("monthly/<int:plan_id>/card/saved/", monthly.card_saved, name="plan_card_saved"),
    path("monthly/<int:plan_id>/confirm/", monthly.confirm, name="plan_confirm"),
    path("monthly/<int:plan_id>/confirmed/", monthly.confirmed, name="plan_confirmed"),
    path("monthly/<int:plan_id>/<slug:what>/", monthly.change, name="plan_change"),
    path("receipts/<str:number>/", views.receipt, name="receipt"),
    path("newsletter/", newsletter.portal, name="newsletter"),
]
