"""What the network is trained for: detection, re-ID, and the balance between them."""
