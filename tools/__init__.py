"""What is run by hand, now and then: builders of committed data."""
