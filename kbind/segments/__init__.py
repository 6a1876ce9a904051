"""Segments of the customers who left: formed, judged, described."""
