"""Customer lifetime value: how many orders come, what they are worth, and how sure that is."""
