"""Helpers that the rest of Prefect is built on, public where users need them."""
