"""Open a company's data: any source in, checked tables out."""
