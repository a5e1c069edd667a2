"""The operators at run time: each takes the batches of its inputs in one round, and gives one."""
