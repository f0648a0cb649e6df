"""The report: one page on the current release that a manager can read, with nothing else at hand."""
