"""What a VIN is and says, by law and by register. Nothing here knows a bucket or a database."""
