"""Stage `scoring`: segments, lifetime value and churn risk, each beside a naive baseline on later, unseen data."""
