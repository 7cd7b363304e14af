"""Modelyard: from a training request to a served model, self-hosted, for Keras."""

__version__ = "0.1.0"
