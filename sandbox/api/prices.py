"""Prices, with the product and the older plan that tell the same: what a subscription's item costs and how often."""

import calendar
from datetime import UTC, datetime

from sandbox import ids
from sandbox.api.call import Call
from sandbox.store import Body

MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}
DAY = 24 * 3600


def add(call: Call, *, amount: int, currency: str, interval: str, interval_count: int, product: str) -> Body:
    """A price of its own, as `price_data` makes one, with a product of this name."""
    sold = call.store.add(
        {
            "id": ids.new("prod"),
            "object": "product",
            "active": True,
            "created": call.now,
            "default_price": None,
            "description": None,
            "images": [],
            "livemode": False,
            "marketing_features": [],
            "metadata": {},
            "name": product,
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": None,
            "tax_code": None,
            "type": "service",
            "unit_label": None,
            "updated": call.now,
            "url": None,
        }
    )
    return call.store.add(
        {
            "id": ids.new("price"),
            "object": "price",
            # Those that price_data makes cannot be used again.
            "active": False,
            "billing_scheme": "per_unit",
            "created": call.now,
            "currency": currency,
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": sold["id"],
            "recurring": {
                "interval": interval,
                "interval_count": interval_count,
                "meter": None,
                "trial_period_days": None,
                "usage_type": "licensed",
            },
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring",
            "unit_amount": amount,
            "unit_amount_decimal": str(amount),
        }
    )


def plan_of(price: Body) -> Body:
    """The same in the words that prices have replaced; Stripe still sends both."""
    recurring = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": {},
        "meter": None,
        "nickname": None,
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def period_start(anchor: int, recurring: Body, number: int) -> int:
    """When the period of this number begins, counted from the anchor: the 31st is the last day of a shorter month."""
    count: int = recurring["interval_count"] * number
    if recurring["interval"] in DAYS:
        return anchor + DAYS[recurring["interval"]] * count * DAY
    first = datetime.fromtimestamp(anchor, UTC)
    months = first.year * 12 + first.month - 1 + MONTHS[recurring["interval"]] * count
    year, month = divmod(months, 12)
    day = min(first.day, calendar.monthrange(year, month + 1)[1])
    return int(first.replace(year=year, month=month + 1, day=day).timestamp())
