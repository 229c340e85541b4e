"""Addresses of the portal."""

from django.urls import path

from members import account_views, data_views, membership_views, monthly, views
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
    path("membership/", membership_views.show, name="membership"),
    path("membership/card.svg", membership_views.card_picture, name="membership_card"),
    path("membership/people/", membership_views.add_person, name="membership_people"),
    path("membership/people/<int:pk>/remove/", membership_views.remove_person, name="membership_person_remove"),
    path("membership/benefits/<int:pk>/", membership_views.benefit, name="membership_benefit"),
    path("membership/wish/", membership_views.wish, name="membership_wish"),
    path("details/", account_views.show, name="details"),
    path("emails/", account_views.all_emails, name="emails"),
    path("emails/change/", account_views.change_email, name="email_change"),
    path("emails/add/", account_views.add_email, name="email_add"),
    path("emails/<int:pk>/remove/", account_views.remove_email, name="email_remove"),
    path("emails/confirm/<str:token>/", account_views.confirm_email, name="email_confirm"),
    path("emails/not-me/<str:token>/", account_views.not_me, name="email_not_me"),
    path("data/", data_views.show, name="data"),
    path("data/download/", data_views.download, name="data_download"),
    path("data/erase/", data_views.erase, name="data_erase"),
    path("data/erase/withdraw/", data_views.withdraw, name="data_withdraw"),
    path("newsletter/", newsletter.portal, name="newsletter"),
]
