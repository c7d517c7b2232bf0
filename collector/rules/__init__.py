"""Rules and alerts as pure code: committed points and a time go in, transitions come out."""
