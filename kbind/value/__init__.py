"""What a customer is worth who can go at any time: alive or gone, purchases to come, spend per purchase."""
