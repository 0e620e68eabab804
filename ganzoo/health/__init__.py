"""Detects updates that are not finite and mode collapse, and applies the policy that the user chose for them."""
