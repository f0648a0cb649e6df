"""How files are kept whole: the lake, the warehouse, locks, and what each stage was made of."""
