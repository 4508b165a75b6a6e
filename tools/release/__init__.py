"""What is published: wheel, source archive, layers, bills of materials, checksums, notes."""
