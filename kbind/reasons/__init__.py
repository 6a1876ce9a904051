"""Why customers say they leave: by what they are like, against what went before, in their own words."""
