"""Members: signing in, the portal, the newsletter and the letters."""
