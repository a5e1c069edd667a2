"""Many tenants on one system: quotas, fair turns, and nothing of one that another can see."""
