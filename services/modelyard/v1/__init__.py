"""Messages and services of the public gRPC API, generated from proto/ by the build hook and `make proto`."""
