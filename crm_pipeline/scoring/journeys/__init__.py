"""How people come: what each medium is worth on the way to an order."""
