"""What the estimates say: each chapter's facts, and which sentence fits them."""
