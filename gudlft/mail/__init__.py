"""Codes by mail, with which addresses are proven. Imported only with GUDLFT_MAIL."""
