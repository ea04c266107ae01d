"""What LifeKeeper prints and is set to, and what becomes of it here."""
