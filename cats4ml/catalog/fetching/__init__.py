"""Gets the pictures of the catalogue from where their collection says they are, and keeps them in the storage."""
