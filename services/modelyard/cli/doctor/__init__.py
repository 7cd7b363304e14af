"""What `modelyard doctor` looks at, one file for each kind of trouble; each check answers findings and raises nothing."""

from modelyard.cli.doctor.finding import Finding, Severity

__all__ = ["Finding", "Severity"]
