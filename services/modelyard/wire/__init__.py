"""The messages of other systems' protocols, and their tensors and files, without TensorFlow."""
