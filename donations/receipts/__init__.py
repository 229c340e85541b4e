"""Receipts: numbered in blocks, every printed fact kept, PDF made and stored, letter queued."""
