"""Gifts that recur: plans and their changes (`plans`, `cards`), dates (`schedule`), charging, letters, worklists."""
