"""`tapedeck optimize`: look for settings by many backtests, and doubt what is found."""
