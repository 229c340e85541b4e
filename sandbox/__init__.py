"""A small stateful stand-in for Stripe and a mailbox, for the demo and the tests; it never imports the product."""
