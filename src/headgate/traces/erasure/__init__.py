"""Everything of a subject, erased with a receipt."""
