"""What somebody who talks to one customer needs to know of it: never in a report."""
