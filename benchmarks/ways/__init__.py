"""What is compared: one module a task, each with its ways, what they are called, and a small file to warm up on."""
