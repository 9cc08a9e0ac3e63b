"""What all configs have in common: field types, closed sets of words, and what training needs."""
