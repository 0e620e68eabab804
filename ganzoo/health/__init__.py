"""Notices updates that are not finite and generators that collapse, and says what to do about them."""
