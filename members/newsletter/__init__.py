"""The newsletter: asking, proving, leaving, the log of consent, mailboxes that say no, and telling the provider."""
