"""One table of customers: what they are like, whether and when they left, what they paid."""
