"""Exactly once: payments that come again, and a disk that the power fails under."""
