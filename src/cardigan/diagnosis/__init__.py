"""What goes wrong in a run: symptoms over the evidence of its log, samples and discriminator."""

from .diagnose import IN_LOG, IN_SAMPLES, Diagnosis, of_images, of_run
from .evidence import Evidence
from .finding import Finding, Severity, Symptom

__all__ = [
    "IN_LOG", "IN_SAMPLES", "Diagnosis", "Evidence", "Finding", "Severity", "Symptom",
    "of_images", "of_run",
]  # fmt: skip
