"""Did it work: experiments planned and judged, offers compared, effects with a verdict."""
