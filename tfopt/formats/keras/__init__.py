"""`.keras` files: loading, saving, and the custom objects they may need."""
