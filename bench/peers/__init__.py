"""Other readers to measure against."""
