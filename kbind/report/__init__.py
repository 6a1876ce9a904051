"""What managers read: chapters computed from a data set, told in German and English, and written as pages."""
