"""Our stand-in for Stripe, asked through the real SDK."""
