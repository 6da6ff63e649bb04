"""What pages, files and commands show."""
