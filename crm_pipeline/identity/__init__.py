"""Identity: staging identifiers in, one person per real person out, with the evidence for each link."""
