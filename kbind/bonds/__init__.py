"""What binds the customers who stay: six scores a customer, whether they hold, and what each bond does to staying."""
