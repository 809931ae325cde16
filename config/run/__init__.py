"""`make run`: from nothing to a browsable system that lives on 13 January 2026.

`__main__` is the sequence of steps, `children` the processes it starts and stops, `mail_sink` the mail server that
delivers into a folder, `report` what it prints at the end, `record` what other commands may know of a running one.
"""
