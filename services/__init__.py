"""The desk's services. They never import each other: they only meet on the tape."""
