"""How people come: what each channel is worth on the way to an order."""
