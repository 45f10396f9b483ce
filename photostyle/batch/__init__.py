"""Styles whole sets of photos: plans the work, shares it among workers, and records what is done."""
