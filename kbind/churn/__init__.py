"""Who is about to leave: a classifier, its test, whom to contact, what moves the risk."""
