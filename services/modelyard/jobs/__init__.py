"""Front door 1: jobs, datasets and models over HTTP, and the reconciler that keeps what was promised."""
