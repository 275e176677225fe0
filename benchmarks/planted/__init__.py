"""The corrections trial: what is planted, how it is judged. Who mends reads `dev/` and `third/`; `held/` and `fourth/` are counted."""
