"""Bots: a platform's messages in, answers out, nothing forgotten in between.

Invariant: a platform's library is imported below its own folder only.
"""
