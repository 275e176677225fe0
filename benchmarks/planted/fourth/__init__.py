"""A part of the corrections trial that nobody who mends the rules looks at: written before the third was scored, and only counted."""
