"""Weight clustering: the weights of a kernel share few values, so that the file compresses well (Han et al. 2016)."""
