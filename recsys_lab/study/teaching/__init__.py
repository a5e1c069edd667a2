"""For teachers: hand out the course without its solutions, and judge what comes back."""
