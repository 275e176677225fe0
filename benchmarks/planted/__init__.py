"""The corrections trial: what is planted, how it is judged. `dev/` and `held/` are its halves; who mends the summarizer reads dev only."""
