"""The live view of a running desk: what it knows, how it is drawn, and the loop that does both."""
