"""The staff's view of the money: shows, searches and calls verbs; money is never edited here."""
