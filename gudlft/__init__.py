"""The domain of GÜDLFT Registration: clubs, competitions, bookings and their rules. Nothing here knows of the web."""
