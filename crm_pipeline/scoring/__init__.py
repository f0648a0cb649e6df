"""Stage `scoring`: segments, personas, lifetime value, churn risk, each beside a naive baseline on unseen time."""
