"""Yes/no questions about each person: churn, purchases, loyalty; their reasons and early warnings."""
