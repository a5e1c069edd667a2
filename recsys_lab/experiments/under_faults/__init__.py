"""Faults on purpose and by seed: crashes, poison records, overload, retries; and what each remedy is worth."""
