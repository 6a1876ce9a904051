"""Did it work: experiments planned and judged, offers, whom to target next, and effects of what was no experiment."""
