"""Reports: what a run came to, as one HTML file that needs no network."""
