"""The decision, row by row: what a gift is and what came with it, and the paper, sentences and amounts that follow.

Each row of the table names its rule: a number is one of the domain rules. Then what must hold for every gift there
could be: no amount on a paper for property, no two sentences that contradict each other, no other sums than the gift's.
"""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from donations.rules import benefits, documents, sentences
from donations.rules.benefits import Benefit, NoRule, SafeHarbor
from donations.rules.documents import Choices, Given
from nonprofit.money import Money

ORG, EIN = "The Harbor Light, Inc.", "00-1234567"
YEARS = {
    2023: SafeHarbor(2023, 12_50, 62_50, 125_00),
    2024: SafeHarbor(2024, 13_20, 66_00, 132_00),
    2025: SafeHarbor(2025, 13_60, 68_00, 136_00),
    2026: SafeHarbor(2026, 13_90, 69_50, 139_00),
}
THINGS = {
    "tote": Benefit("a tote bag", 18_00, 9_00, has_our_name=True, is_in_catalogue=True),
    "mug": Benefit("a mug", 12_00, 4_90, has_our_name=True, is_in_catalogue=True),
    "dear-mug": Benefit("a mug", 12_00, 4_91, has_our_name=True, is_in_catalogue=True),
    "plain-mug": Benefit("a mug", 12_00, 4_90, is_in_catalogue=True),
    "pen": Benefit("a pen", 1_00, 20),
    "poster": Benefit("a poster", 139_00, 40_00),
    "print": Benefit("a signed print", 139_01, 40_00),
    "magazine": Benefit("12 issues of the print magazine", 30_00, 14_00, is_in_catalogue=True),
    "dinner": Benefit("dinner for two", 120_00, 80_00),
    "member": Benefit("early sign-up for talks", 10_00, 0, is_small_privilege=True, is_in_catalogue=True),
    "perk": Benefit("a shop discount", 10_00, 0, is_small_privilege=True),
    "letter": Benefit("our own newsletter", 0, 0),
    "free-tote": Benefit("a tote bag", 0, 9_00, has_our_name=True),
}
WAITS = "waits"
SAID_NO, SPOILS, GRANT, THANKS = "not declined", "spoils it", "such money must not buy it", "no paper for it could say"
NOT_YET, NO_AMOUNTS = "nobody has verified", "may state no amounts"
PERSON, COUPLE, FIRM, FUND = "individual", "household", "company", "daf_sponsor"
FOUNDATION, STATE, ESTATE = "foundation", "government", "estate"
THING = {"description": "Two desks", "value_minor": 400_00}
ABROAD, ADVISED = {"donor_country": "DE"}, {"is_recognized": True, "payer": "Trust"}

# rule; kind; legal donor; payment in cents (None: property); what came with it ("-x": x, declined); year of the gift;
# paper; its sentences, or why it waits; the most that may be deducted; what else is known.
Row = tuple[str, str, str, int | None, str, int, str, str, int | None, dict[str, Any]]
NIL: dict[str, Any] = {}
TABLE: list[Row] = [
    # ---- Nothing came with it: every acknowledgment says so, whatever the amount ------------------------------------
    ("38: IRC 170(f)(8), any amount", "card", PERSON, 1_00, "", 2026, "tax_cash", "S0 S6", 1_00, NIL),
    ("37: below $250 the same", "card", PERSON, 249_99, "", 2026, "tax_cash", "S0 S6", 249_99, NIL),
    ("37: at $250", "card", PERSON, 250_00, "", 2026, "tax_cash", "S0 S6", 250_00, NIL),
    ("45: the fee is part of the gift", "card", PERSON, 103_30, "", 2026, "tax_cash", "S0 S6", 103_30, NIL),
    ("37: each payment alone", "card", PERSON, 20_00, "", 2026, "tax_cash", "S0 S6", 20_00, {"frequency": "monthly"}),
    ("5: card by phone", "phone", PERSON, 50_00, "", 2026, "tax_cash", "S0 S6", 50_00, NIL),
    ("1: check", "check", PERSON, 500_00, "", 2026, "tax_cash", "S0 S6", 500_00, NIL),
    ("1: check of a couple", "check", COUPLE, 500_00, "", 2026, "tax_cash", "S0 S6", 500_00, NIL),
    ("170(f)(17): cash from somebody known", "cash", PERSON, 20_00, "", 2026, "tax_cash", "S0 S6", 20_00, NIL),
    ("79: cash from nobody known", "cash", "unknown", 20_00, "", 2026, "none", "", None, NIL),
    ("money order", "money_order", PERSON, 20_00, "", 2026, "tax_cash", "S0 S6", 20_00, NIL),
    ("wire: the gross credit", "wire", PERSON, 9_000_00, "", 2026, "tax_cash", "S0 S6", 9_000_00, NIL),
    ("money without a name of its own", "other", PERSON, 15_00, "", 2026, "tax_cash", "S0 S6", 15_00, NIL),
    ("16: a company is the donor", "check", FIRM, 900_00, "", 2026, "tax_cash", "S0 S6", 900_00, NIL),
    ("16: its foundation gets a grant letter", "check", FOUNDATION, 900_00, "", 2026, "grant_letter", "S0", None, NIL),
    ("16: so does a public body", "wire", STATE, 900_00, "", 2026, "grant_letter", "S0", None, NIL),
    ("36: an estate", "check", ESTATE, 900_00, "", 2026, "bequest_letter", "S7", None, NIL),
    ("donor abroad: no word on their taxes", "card", PERSON, 50_00, "", 2026, "tax_cash", "S0 S6A", 50_00, ABROAD),
    ("a country told, and it is ours", "card", PERSON, 50_00, "", 2026, "tax_cash", "S0 S6", 50_00,
     {"donor_country": "US"}),
    ("no rule, no paper", "barter", PERSON, 50_00, "", 2026, WAITS, "no document rule", None, NIL),

    # ---- Property: described, never valued --------------------------------------------------------------------------
    ("30: stock needs no appraisal", "stock", PERSON, None, "", 2026, "tax_property", "S3 S0 S6", None, THING),
    ("30: stock of a company's", "stock", FIRM, None, "", 2026, "tax_property", "S3 S0 S6", None, THING),
    ("31: shares without a name", "stock", "unknown", None, "", 2026, "none", "", None, THING),
    ("30: stock of a foundation", "stock", FOUNDATION, None, "", 2026, "grant_letter", "S0", None, THING),
    ("crypto may need an appraisal", "crypto", PERSON, None, "", 2026, "tax_property", "S3 S3C S0 S6", None, THING),
    ("32: goods", "in_kind", PERSON, None, "", 2026, "tax_property", "S3 S3C S0 S6", None, THING),
    ("32: goods from abroad", "in_kind", PERSON, None, "", 2026, "tax_property", "S3 S3C S0 S6A", None, THING | ABROAD),
    ("32: goods with a value in words", "in_kind", PERSON, None, "", 2026, WAITS, "names a value", None,
     {"description": "a desk worth $400"}),
    ("32: the same in other words", "stock", PERSON, None, "", 2026, WAITS, "names a value", None,
     {"description": "50 shares at 12 dollars"}),
    ("32: work is thanked", "services", PERSON, None, "", 2026, "thank_you", "S4S", None, THING),
    ("32: work of a company", "services", FIRM, None, "", 2026, "thank_you", "S4S", None, THING),
    ("170(f)(12): a car of $500", "vehicle", PERSON, None, "", 2026, "tax_property", "S3 S3C S3V S0 S6", None,
     {"description": "a car", "value_minor": 500_00}),
    ("170(f)(12): above it 1098-C", "vehicle", PERSON, None, "", 2026, "thank_you", "S4V", None,
     {"description": "a car", "value_minor": 500_01}),
    ("170(f)(12): nobody told", "vehicle", PERSON, None, "", 2026, "thank_you", "S4V", None, {"description": "a car"}),
    ("POLICY: receipts for vehicles up to nothing", "vehicle", PERSON, None, "", 2026, "thank_you", "S4V", None,
     {"value_minor": 500_00, "choices": Choices(vehicle_receipt_up_to_minor=0)}),

    # ---- Others' money ----------------------------------------------------------------------------------------------
    ("23: the advisor is thanked", "daf", FUND, 900_00, "", 2026, "thank_you", "S4", None, ADVISED),
    ("25: nobody is known to have advised", "daf", FUND, 900_00, "", 2026, "grant_letter", "S0", None, NIL),
    ("24: a sponsor that wants no letter", "daf", FUND, 900_00, "", 2026, "none", "", None, {"wants_no_letter": True}),
    ("24: its advisor is thanked all the same", "daf", FUND, 900_00, "", 2026, "thank_you", "S4", None,
     ADVISED | {"wants_no_letter": True}),
    ("23: a person cannot be the donor", "daf", PERSON, 900_00, "", 2026, WAITS, "the fund's sponsor", None, NIL),
    ("23: a sponsor's check", "check", FUND, 900_00, "", 2026, "thank_you", "S4", None, ADVISED),
    ("16: a family foundation", "foundation", FOUNDATION, 900_00, "", 2026, "grant_letter", "S0", None, NIL),
    ("16: not a person of the family", "foundation", COUPLE, 900_00, "", 2026, WAITS, "is the foundation", None, NIL),
    ("33: the company's match", "match", FIRM, 100_00, "", 2026, "tax_cash", "S0 S6", 100_00, NIL),
    ("33: its foundation's", "match", FOUNDATION, 100_00, "", 2026, "grant_letter", "S0", None, NIL),
    ("33: a portal's", "match", FUND, 100_00, "", 2026, "thank_you", "S4", None, ADVISED),
    ("33: never the employee", "match", PERSON, 100_00, "", 2026, WAITS, "the company or its foundation", None, NIL),
    ("Notice 2006-110: pay", "payroll", PERSON, 40_00, "", 2026, "thank_you", "S4P", None, NIL),
    ("Notice 2006-110: the federation", "payroll", FIRM, 900_00, "", 2026, "thank_you", "S4R", None, NIL),
    ("36: executor", "bequest", ESTATE, 9_000_00, "", 2026, "bequest_letter", "S7", None, NIL),
    ("36: whatever was left", "bequest", PERSON, 9_000_00, "", 2026, "bequest_letter", "S7", None, NIL),

    # ---- IRA: the same proof, never "deductible", and any benefit spoils it -----------------------------------------
    ("28: from the custodian", "ira", PERSON, 900_00, "", 2026, "qcd_letter", "S5 S0", None, NIL),
    ("28: POLICY, without the sentence", "ira", PERSON, 900_00, "", 2026, "qcd_letter", "S5", None,
     {"choices": Choices(ira_letter_says_no_benefit=False)}),
    ("28: the custodian is no donor", "ira", FIRM, 900_00, "", 2026, WAITS, "not the custodian", None, NIL),
    ("29: the form says declined", "ira", PERSON, 900_00, "", 2026, "qcd_letter", "S5 S0", None,
     {"is_benefit_declined": True}),
    ("29: the form says taken", "ira", PERSON, 900_00, "", 2026, WAITS, SPOILS, None, {"is_benefit_declined": False}),
    ("29: a token spoils it", "ira", PERSON, 900_00, "tote", 2026, WAITS, SPOILS, None, NIL),
    ("29: also where no year is verified", "ira", PERSON, 900_00, "pen", 2027, WAITS, SPOILS, None, NIL),
    ("29, 43: declined, it does not", "ira", PERSON, 900_00, "-dinner", 2026, "qcd_letter", "S5 S0", None, NIL),
    ("29: one of two declined", "ira", PERSON, 900_00, "-dinner pen", 2026, WAITS, SPOILS, None, NIL),
    ("29, 42: small privileges do not", "ira", PERSON, 900_00, "member", 2026, "qcd_letter", "S5 S0", None, NIL),
    ("29, 42: nor our newsletter", "ira", PERSON, 900_00, "letter", 2027, "qcd_letter", "S5 S0", None, NIL),
    ("29: waiting is no policy", "ira", PERSON, 900_00, "tote", 2026, WAITS, SPOILS, None,
     {"choices": Choices(ira_letter_says_no_benefit=False)}),

    # ---- 43: declined when it was given -----------------------------------------------------------------------------
    ("43: declined", "card", PERSON, 100_00, "-tote", 2026, "tax_cash", "S0 S6", 100_00, NIL),
    ("43: no figures needed", "card", PERSON, 100_00, "-dinner", 2027, "tax_cash", "S0 S6", 100_00, NIL),
    ("43: all of several", "check", PERSON, 100_00, "-tote -magazine", 2026, "tax_cash", "S0 S6", 100_00, NIL),
    ("43: half of it", "card", PERSON, 100_00, "-tote magazine", 2026, "tax_cash", "S1 S6", 70_00, NIL),
    ("43: the rest a token", "card", PERSON, 100_00, "tote -magazine", 2026, "tax_cash", "S2 S6", 100_00, NIL),
    ("43: the form says declined", "check", PERSON, 100_00, "", 2026, "tax_cash", "S0 S6", 100_00,
     {"is_benefit_declined": True}),
    ("43: the form says taken, not what", "check", PERSON, 100_00, "", 2026, WAITS, SAID_NO, None,
     {"is_benefit_declined": False}),
    ("43: and then what it was", "check", PERSON, 100_00, "magazine", 2026, "tax_cash", "S1 S6", 70_00,
     {"is_benefit_declined": False}),
    ("43: the form of a grant", "foundation", FOUNDATION, 100_00, "", 2026, WAITS, SAID_NO, None,
     {"is_benefit_declined": False}),
    ("43: the form of stock", "stock", PERSON, None, "", 2026, WAITS, SAID_NO, None, {"is_benefit_declined": False}),
    ("43: by a foundation", "foundation", FOUNDATION, 900_00, "-dinner", 2026, "grant_letter", "S0", None, NIL),
    ("43: for stock", "stock", PERSON, None, "-dinner", 2026, "tax_property", "S3 S0 S6", None, THING),
    ("43: by an advisor", "daf", FUND, 900_00, "-dinner", 2026, "thank_you", "S4", None, ADVISED),

    # ---- 42: privileges of a membership for $75 a year or less ------------------------------------------------------
    ("42: small membership", "card", PERSON, 60_00, "member", 2026, "tax_cash", "S0 S6", 60_00, NIL),
    ("42: the same for who gives more", "card", PERSON, 900_00, "member", 2026, "tax_cash", "S0 S6", 900_00, NIL),
    ("42: no figures needed", "card", PERSON, 900_00, "member", 2027, "tax_cash", "S0 S6", 900_00, NIL),
    ("42: typed for one gift, $75.00", "card", PERSON, 75_00, "perk", 2026, "tax_cash", "S0 S6", 75_00, NIL),
    ("42: typed for one gift, $75.01", "card", PERSON, 75_01, "perk", 2026, "tax_cash", "S1 S6", 65_01, NIL),
    ("42: $6 a month is $72", "card", PERSON, 6_00, "perk", 2026, "tax_cash", "S0 S6", 6_00, {"frequency": "monthly"}),
    ("42: $6.25 a month is $75", "card", PERSON, 6_25, "perk", 2026, "tax_cash", "S0 S6", 6_25,
     {"frequency": "monthly"}),
    ("42: $7 a month is $84", "card", PERSON, 7_00, "perk", 2026, "tax_cash", "S1 S6", 0, {"frequency": "monthly"}),
    ("42: unless everybody has it from $75", "card", PERSON, 7_00, "member", 2026, "tax_cash", "S0 S6", 7_00,
     {"frequency": "monthly"}),
    ("42: $75 a year", "card", PERSON, 75_00, "perk", 2026, "tax_cash", "S0 S6", 75_00, {"frequency": "yearly"}),
    ("42: only what is beyond it counts", "card", PERSON, 120_00, "member magazine", 2026, "tax_cash", "S1 S6", 90_00,
     NIL),
    ("42: privilege beside a token", "card", PERSON, 120_00, "member tote", 2026, "tax_cash", "S2 S6", 120_00, NIL),
    ("90-12: our newsletter", "card", PERSON, 20_00, "letter", 2026, "tax_cash", "S0 S6", 20_00, NIL),
    ("90-12: our newsletter, no figures", "card", PERSON, 20_00, "letter", 2027, "tax_cash", "S0 S6", 20_00, NIL),
    ("42: member abroad", "card", PERSON, 60_00, "member", 2026, "tax_cash", "S0 S6A", 60_00, ABROAD),

    # ---- 42: insubstantial, two percent -----------------------------------------------------------------------------
    ("42: two percent exactly", "card", PERSON, 50_00, "pen", 2026, "tax_cash", "S2 S6", 50_00, NIL),
    ("42: a cent above two percent", "card", PERSON, 49_99, "pen", 2026, "tax_cash", "S1 S6", 48_99, NIL),
    ("42: of several together", "card", PERSON, 100_00, "pen pen", 2026, "tax_cash", "S2 S6", 100_00, NIL),
    ("42: of several, a cent above", "card", PERSON, 99_99, "pen pen", 2026, "tax_cash", "S1 S6", 97_99, NIL),
    ("42: at the cap of 2026", "card", PERSON, 6_950_00, "poster", 2026, "tax_cash", "S2 S6", 6_950_00, NIL),
    ("42: above the cap of 2026", "card", PERSON, 10_000_00, "print", 2026, "tax_cash", "S1 S6", 9_860_99, NIL),
    ("42: above the cap of 2025", "card", PERSON, 10_000_00, "poster", 2025, "tax_cash", "S1 S6", 9_861_00, NIL),
    ("42: above the cap of 2024", "wire", PERSON, 10_000_00, "poster", 2024, "tax_cash", "S1 S6", 9_861_00, NIL),
    ("42: a dinner at two percent", "check", PERSON, 6_000_00, "dinner", 2026, "tax_cash", "S2 S6", 6_000_00, NIL),
    ("42: worthless to others, not to us", "card", PERSON, 10_00, "free-tote", 2026, "tax_cash", "S2 S6", 10_00, NIL),
    ("42: abroad", "card", PERSON, 50_00, "pen", 2026, "tax_cash", "S2 S6A", 50_00, ABROAD),
    ("42: for a company", "check", FIRM, 50_00, "pen", 2026, "tax_cash", "S2 S6", 50_00, NIL),

    # ---- 42: insubstantial, token with our name ---------------------------------------------------------------------
    ("42: token", "card", PERSON, 100_00, "tote", 2026, "tax_cash", "S2 S6", 100_00, NIL),
    ("42: token at the smallest gift", "card", PERSON, 69_50, "tote", 2026, "tax_cash", "S2 S6", 69_50, NIL),
    ("42: a cent below it", "card", PERSON, 69_49, "tote", 2026, "tax_cash", "S1 S6", 51_49, NIL),
    ("42: smallest gift of 2025", "card", PERSON, 68_00, "tote", 2025, "tax_cash", "S2 S6", 68_00, NIL),
    ("42: smallest gift of 2024", "card", PERSON, 66_00, "tote", 2024, "tax_cash", "S2 S6", 66_00, NIL),
    ("42: smallest gift of 2023", "card", PERSON, 62_50, "tote", 2023, "tax_cash", "S2 S6", 62_50, NIL),
    ("42: 2023's is not 2026's", "card", PERSON, 62_50, "tote", 2026, "tax_cash", "S1 S6", 44_50, NIL),
    ("42: costs of several at the figure", "card", PERSON, 100_00, "tote mug", 2026, "tax_cash", "S2 S6", 100_00, NIL),
    ("42: a cent above the figure", "card", PERSON, 100_00, "tote dear-mug", 2026, "tax_cash", "S1 S6", 70_00, NIL),
    ("42: the same figure, a year before", "card", PERSON, 100_00, "tote mug", 2025, "tax_cash", "S1 S6", 70_00, NIL),
    ("42: without our name", "card", PERSON, 100_00, "plain-mug", 2026, "tax_cash", "S1 S6", 88_00, NIL),
    ("42: token and valued, both count", "card", PERSON, 100_00, "tote magazine", 2026, "tax_cash", "S1 S6", 52_00,
     NIL),
    ("42: monthly, by the payment", "card", PERSON, 10_00, "mug", 2026, "tax_cash", "S1 S6", 0,
     {"frequency": "monthly"}),
    ("42: by phone", "phone", PERSON, 100_00, "tote", 2026, "tax_cash", "S2 S6", 100_00, NIL),
    ("42: token for a match", "match", FIRM, 100_00, "tote", 2026, "tax_cash", "S2 S6", 100_00, NIL),

    # ---- 40, 41: its value counts -----------------------------------------------------------------------------------
    ("41: value, not cost", "card", PERSON, 120_00, "magazine", 2026, "tax_cash", "S1 S6", 90_00, NIL),
    ("40: $75.00", "card", PERSON, 75_00, "magazine", 2026, "tax_cash", "S1 S6", 45_00, NIL),
    ("40: $75.01", "card", PERSON, 75_01, "magazine", 2026, "tax_cash", "S1 S6", 45_01, NIL),
    ("40: the rest may be small", "check", PERSON, 130_00, "dinner", 2026, "tax_cash", "S1 S6", 10_00, NIL),
    ("44: never below zero", "card", PERSON, 100_00, "dinner", 2026, "tax_cash", "S1 S6", 0, NIL),
    ("41: as much as was paid", "card", PERSON, 120_00, "dinner", 2026, "tax_cash", "S1 S6", 0, NIL),
    ("41: several", "check", COUPLE, 500_00, "dinner magazine", 2026, "tax_cash", "S1 S6", 350_00, NIL),
    ("45: payment with the covered fee", "card", PERSON, 123_90, "magazine", 2026, "tax_cash", "S1 S6", 93_90, NIL),
    ("41: what a company's people got", "check", FIRM, 500_00, "dinner", 2026, "tax_cash", "S1 S6", 380_00, NIL),
    ("41: donor abroad", "card", PERSON, 120_00, "magazine", 2026, "tax_cash", "S1 S6A", 90_00, ABROAD),
    ("41: in 2023", "card", PERSON, 120_00, "magazine", 2023, "tax_cash", "S1 S6", 90_00, NIL),
    ("41: cash", "cash", PERSON, 120_00, "magazine", 2026, "tax_cash", "S1 S6", 90_00, NIL),

    # ---- 42: a year that nobody has verified never falls back -------------------------------------------------------
    ("42: no verified year, token", "card", PERSON, 100_00, "tote", 2027, WAITS, NOT_YET, None, NIL),
    ("42: no verified year, valued", "check", PERSON, 100_00, "dinner", 2027, WAITS, NOT_YET, None, NIL),
    ("42: no verified year, two percent", "wire", PERSON, 9_000_00, "pen", 2022, WAITS, NOT_YET, None, NIL),
    ("42: no verified year, stock", "stock", PERSON, None, "tote", 2027, WAITS, NOT_YET, None, THING),
    ("42: no verified year, grant", "foundation", FOUNDATION, 900_00, "pen", 2027, WAITS, NOT_YET, None, NIL),
    ("42: no verified year, half declined", "card", PERSON, 99_00, "-tote pen", 2027, WAITS, NOT_YET, None, NIL),
    ("42: a year's figures are dollars", "card", PERSON, 100_00, "tote", 2026, WAITS, "valued in dollars", None,
     {"currency": "eur"}),
    ("43: declined in euros", "card", PERSON, 100_00, "-tote", 2026, "tax_cash", "S0 S6", 100_00, {"currency": "eur"}),

    # ---- 26, 30: where a value has no place -------------------------------------------------------------------------
    ("26: an advisor's dinner", "daf", FUND, 900_00, "dinner", 2026, WAITS, THANKS, None, ADVISED),
    ("26: an incidental pen", "daf", FUND, 900_00, "pen", 2026, "thank_you", "S4", None, ADVISED),
    ("26: nobody recognized", "daf", FUND, 900_00, "dinner", 2026, WAITS, GRANT, None, NIL),
    ("26: the sponsor's letter, incidental", "daf", FUND, 900_00, "tote", 2026, "grant_letter", "S2G", None, NIL),
    ("26: a foundation's table", "foundation", FOUNDATION, 900_00, "dinner", 2026, WAITS, GRANT, None, NIL),
    ("26: a foundation's tote", "foundation", FOUNDATION, 900_00, "tote", 2026, "grant_letter", "S2G", None, NIL),
    ("26: a public body's tickets", "check", STATE, 900_00, "dinner", 2026, WAITS, GRANT, None, NIL),
    ("26: pay and a dinner", "payroll", PERSON, 200_00, "dinner", 2026, WAITS, THANKS, None, NIL),
    ("26: pay and a pen", "payroll", PERSON, 50_00, "pen", 2026, "thank_you", "S4P", None, NIL),
    ("30: stock and a dinner", "stock", PERSON, None, "dinner", 2026, WAITS, NO_AMOUNTS, None, THING),
    ("30: stock and a token", "stock", PERSON, None, "tote", 2026, "tax_property", "S3 S2 S6", None, THING),
    ("30: stock worth we do not know what", "stock", PERSON, None, "tote", 2026, WAITS, NO_AMOUNTS, None,
     {"description": "50 shares"}),
    ("32: goods and a token", "in_kind", PERSON, None, "tote", 2026, "tax_property", "S3 S3C S2 S6", None, THING),
    ("32: work and a dinner", "services", PERSON, None, "dinner", 2026, "thank_you", "S4S", None, THING),
    ("170(f)(12): a car and a dinner", "vehicle", PERSON, None, "dinner", 2026, "thank_you", "S4V", None, NIL),
    ("36: an estate buys nothing", "bequest", ESTATE, 900_00, "dinner", 2027, "bequest_letter", "S7", None, NIL),
    ("79: nobody known", "cash", "unknown", 900_00, "dinner", 2027, "none", "", None, NIL),
]  # fmt: skip


def things(names: str) -> tuple[Benefit, ...]:
    """The benefits of these names; "-x" is x, declined."""
    named = [(name.removeprefix("-"), name.startswith("-")) for name in names.split()]
    return tuple(declined(THINGS[name]) if is_declined else THINGS[name] for name, is_declined in named)


def declined(one: Benefit) -> Benefit:
    return Benefit(one.description, one.value_minor, one.cost_minor, is_declined=True)


def given_of(kind: str, donor: str, payment: int | None, names: str, year: int, known: dict[str, Any]) -> Given:
    currency = known.get("currency", "usd")
    return Given(
        **{
            "kind": kind, "organization": ORG, "ein": EIN, "donor_kind": donor, "gift_on": f"May 2, {year}",
            "amount": None if payment is None else Money(payment, currency), "payer": "Trust", "custodian": "Fidelity",
            "benefits": things(names), "harbor": YEARS.get(year),
            **{name: value for name, value in known.items() if name != "currency"},
        }
    )  # fmt: skip


def codes(document: documents.Document) -> str:
    return " ".join(statement.code for statement in document.statements)


def test_the_table_is_long_enough_and_says_each_thing_once() -> None:
    assert len(TABLE) >= 120
    assert len({(*row[1:6], str(row[9])) for row in TABLE}) == len(TABLE)
    assert len({row[0] for row in TABLE}) == len(TABLE), "and each row names a rule of its own"
    assert {row[1] for row in TABLE} >= set(documents.PAPERS)
    assert {row[2] for row in TABLE} >= {PERSON, COUPLE, FIRM, FUND, FOUNDATION, STATE, ESTATE, "unknown"}
    assert {code for row in TABLE if row[6] != WAITS for code in row[7].split()} == set(sentences.SENTENCES)


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_each_gift_gets_its_paper_sentences_and_amounts(row: Row) -> None:
    _, kind, donor, payment, names, year, paper, said, limit, known = row
    gift = given_of(kind, donor, payment, names, year, known)
    if paper == WAITS:
        with pytest.raises(NoRule, match=said):
            documents.for_gift(gift)
        assert re.search(said, documents.trouble(gift))
        return
    document = documents.for_gift(gift)
    assert (document.kind, codes(document)) == (paper, said)
    assert document.deductible_minor == limit
    assert document.amount == (None if paper == "none" else gift.amount)
    if "S1" in said.split():
        value = sum(THINGS[name].value_minor for name in names.split() if name[0] != "-" and name != "member")
        words = document.statements[0].text
        currency = known.get("currency", "usd")
        assert f"{Money(payment or 0, currency)} − {Money(value)} = {Money(limit or 0)}." in words
        assert document.treated.safe_harbor_year == year


# ---- Disclosure, texts, words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payment", "names", "must"),
    [(75_00, "magazine", False), (75_01, "magazine", True), (75_01, "tote", True), (100_00, "tote", False),
     (100_00, "-dinner", False), (100_00, "dinner", True), (100_00, "", False)],
)  # fmt: skip
def test_rule_40_the_whole_payment_decides_whether_law_makes_us_disclose(payment: int, names: str, must: bool) -> None:
    document = documents.for_gift(given_of("card", PERSON, payment, names, 2025, NIL | {"frequency": "once"}))
    # A tote is a token from $68 on in 2025, and of value below.
    assert document.must_disclose is (must and names != "tote")


def test_several_things_are_told_as_people_say_them() -> None:
    document = documents.for_gift(given_of("card", PERSON, 900_00, "tote dinner magazine -mug", 2026, NIL))
    assert document.treated.given == "a tote bag, dinner for two and 12 issues of the print magazine"
    assert document.treated.declined == "a mug"
    assert "In exchange we provided a tote bag, dinner for two and 12 issues" in document.statements[0].text


def test_a_states_own_sentence_follows_where_the_organization_wrote_one() -> None:
    texts = sentences.OURS.changed("ST-FL", sentences.Text(1, "Registered in Florida as CH0."))
    gift = given_of("card", PERSON, 50_00, "", 2026, {"donor_region": "fl ", "texts": texts})
    assert codes(documents.for_gift(gift)) == "S0 S6 ST-FL"
    for other in ({"donor_region": "ME"}, {"donor_region": "FL", "donor_country": "DE"}):
        gift = given_of("card", PERSON, 50_00, "", 2026, {"texts": texts, **other})
        assert "ST-FL" not in codes(documents.for_gift(gift))


def test_the_organizations_own_words_are_said_with_their_version_and_no_fact_is_read_as_a_template() -> None:
    own = sentences.Text(4, "You got {description}, worth {value}; you may deduct {excess} at most.")
    known = {"texts": sentences.OURS.changed("S1", own)}
    odd = Benefit("{organization} {0} {x!r} %s", 30_00)
    gift = given_of("card", PERSON, 120_00, "", 2026, {**known, "benefits": (odd,)})
    said = documents.for_gift(gift).statements[0]
    assert (said.code, said.version) == ("S1", "4")
    assert said.text == "You got {organization} {0} {x!r} %s, worth $30.00; you may deduct $90.00 at most."


@pytest.mark.parametrize(
    ("code", "text", "why"),
    [
        ("S0", "{org} gave nothing.", r"S0 knows no \{org\}. It can name \{organization\}."),
        ("S1", "You got {description} worth {value}.", r"S1 must name \{excess\}: IRC 6115"),
        ("S3", "We got {description} worth {amount} on {gift_on}.", r"S3 knows no \{amount\}"),
        ("S4", "Thanks.", r"S4 must name \{payer\}"),
        ("S0", "{organization.__class__}", "is not a plain name"),
        ("S0", "{organization!r} gave nothing.", "is not a plain name"),
        ("S0", "{organization:>99} gave nothing.", "is not a plain name"),
        ("S0", "{} gave nothing.", "is not a plain name"),
        ("S0", "{organization gave nothing.", "stands alone"),
        ("S0", "organization} gave nothing.", "stands alone"),
        ("S6", "Your gift is fully tax-deductible.", "No paper may say “fully tax-deductible”"),
        ("S6", "If you itemize, you may deduct it.", "No paper may say “itemiz”"),
        ("S9", "Anything.", "There is no sentence S9"),
        ("ST-FLORIDA", "Anything.", "There is no sentence ST-FLORIDA"),
    ],
)
def test_a_text_that_cannot_be_said_is_refused_by_name(code: str, text: str, why: str) -> None:
    with pytest.raises(sentences.BadText, match=why):
        sentences.check(code, text)


def test_a_text_that_got_in_all_the_same_waits_instead_of_printing_braces() -> None:
    broken = sentences.OURS.changed("S0", sentences.Text(2, "{nobody} gave nothing."))
    with pytest.raises(NoRule, match="The text of S0, version 2, names 'nobody'"):
        documents.for_gift(given_of("card", PERSON, 50_00, "", 2026, {"texts": broken}))


# ---- What holds for every gift there could be -----------------------------------------------------------------------

DONORS = [PERSON, COUPLE, FIRM, FUND, FOUNDATION, STATE, ESTATE, "unknown"]
PROPERTY = {"stock", "crypto", "in_kind", "services", "vehicle"}
MONEY = re.compile(r"\$[\d,]+(?:\.\d\d)?")
# The thresholds of forms that sentences name; no gift's.
FORMS = {"$5,000", "$500"}
cents = st.integers(1, 20_000_00)
any_benefit = st.builds(
    Benefit,
    description=st.sampled_from(["a tote bag", "dinner for two", "{value}", "early sign-up"]),
    value_minor=st.integers(0, 300_00),
    cost_minor=st.integers(0, 20_00),
    has_our_name=st.booleans(),
    is_small_privilege=st.booleans(),
    is_in_catalogue=st.booleans(),
    is_declined=st.booleans(),
)


@st.composite
def any_given(draw: st.DrawFn) -> Given:
    kind = draw(st.sampled_from(sorted(documents.PAPERS)))
    return Given(
        kind=kind,
        organization=ORG,
        ein=EIN,
        frequency=draw(st.sampled_from(["once", "monthly", "yearly"])),
        donor_kind=draw(st.sampled_from(DONORS)),
        donor_country=draw(st.sampled_from(["", "US", "DE"])),
        payer="Trust",
        amount=None if kind in PROPERTY else Money(draw(cents)),
        gift_on="May 2, 2026",
        description="Two desks",
        custodian="Fidelity",
        value_minor=draw(st.none() | cents),
        is_benefit_declined=draw(st.sampled_from([None, True, False])),
        is_recognized=draw(st.booleans()),
        wants_no_letter=draw(st.booleans()),
        benefits=tuple(draw(st.lists(any_benefit, max_size=4))),
        harbor=draw(st.sampled_from([None, *YEARS.values()])),
        choices=Choices(draw(st.booleans()), draw(st.integers(0, 1_000_00))),
    )


def decided(gift: Given) -> documents.Document | None:
    """The document, or None where it waits with a reason."""
    return None if documents.trouble(gift) else documents.for_gift(gift)


@settings(max_examples=400, deadline=None)
@given(any_given())
def test_no_paper_for_property_ever_contains_an_amount_or_a_value(gift: Given) -> None:
    document = decided(gift)
    if document is None or gift.kind not in PROPERTY:
        return
    assert document.amount is None
    assert document.deductible_minor is None
    assert {sum for one in document.statements for sum in MONEY.findall(one.text)} <= FORMS


@settings(max_examples=400, deadline=None)
@given(any_given())
def test_no_paper_carries_two_sentences_that_contradict_each_other(gift: Given) -> None:
    document = decided(gift)
    if document is None:
        return
    said = {one.code for one in document.statements}
    assert len(said) == len(document.statements)
    in_return = said & {"S0", "S1", "S2", "S2G"}
    assert len(in_return) == 1 if document.kind in {*documents.TAX, "grant_letter"} else len(in_return) <= 1
    about_tax, no_tax = said & {"S1", "S2", "S3", "S3C", "S3V", "S6", "S6A"}, {code for code in said if code > "S4"}
    no_tax -= {"S6", "S6A"}
    assert not (about_tax and no_tax)
    assert not {"S6", "S6A"} <= said
    assert (document.series == "R") == bool(about_tax)
    if gift.donor_country == "DE":
        assert "S6" not in said


@settings(max_examples=400, deadline=None)
@given(any_given())
def test_every_sum_on_a_paper_is_the_gifts_own(gift: Given) -> None:
    document = decided(gift)
    if document is None or document.kind == "none" or gift.amount is None:
        return
    payment, value = gift.amount, Money(document.treated.value_minor)
    left = Money(max(0, payment.minor - value.minor))
    printed = {sum for one in document.statements for sum in MONEY.findall(one.text)}
    assert printed <= {str(payment), str(value), str(left)}
    assert document.amount == payment
    assert document.deductible_minor == (left.minor if document.kind == "tax_cash" else None)
    told = [one for one in gift.benefits if not one.is_declined]
    assert value.minor <= sum(one.value_minor for one in told)


@settings(max_examples=400, deadline=None)
@given(any_given())
def test_figures_of_the_gifts_own_year_decide_or_nothing_does(gift: Given) -> None:
    document = decided(gift)
    if document is None:
        return
    counts = document.treated.treatment in (benefits.Treatment.INSUBSTANTIAL, benefits.Treatment.VALUED)
    assert document.treated.safe_harbor_year == (gift.harbor.year if counts and gift.harbor else None)
    assert gift.harbor is not None or not counts
    if gift.kind == "ira" and counts:
        raise AssertionError("an IRA gift with a benefit has no paper")


@settings(max_examples=300, deadline=None)
@given(any_given())
def test_whoever_declines_everything_may_deduct_everything(gift: Given) -> None:
    nothing = replace(gift, benefits=tuple(declined(one) for one in gift.benefits), is_benefit_declined=True)
    document = decided(nothing)
    if document and document.kind == "tax_cash" and gift.amount:
        assert codes(document).split()[0] == "S0"
        assert document.deductible_minor == gift.amount.minor
