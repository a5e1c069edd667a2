"""Many regions, replicated: state that can be merged in any order, and what is promised when a region is lost."""
