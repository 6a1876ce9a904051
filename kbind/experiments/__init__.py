"""Did it work: experiments planned and judged, whom to target next, and effects of what was no experiment."""
