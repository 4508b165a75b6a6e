"""The plots of the documentation: measured, kept as JSON, drawn in one style."""
