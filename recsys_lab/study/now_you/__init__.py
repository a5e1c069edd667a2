"""The small "now you" exercises in the middle of a notebook, one module for each notebook."""
