"""What is declared: by users in `pipeline.yml`, by a deployment in its environment, by the project in its contracts."""
