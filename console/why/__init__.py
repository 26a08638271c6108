"""`tapedeck why` and `why-not`: the reasons for what happened, and for what did not."""
