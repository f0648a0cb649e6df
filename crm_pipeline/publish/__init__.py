"""Publish: the checked marts in, one serving file that BI tools can query at any moment out."""
