"""The command line `copilot-assets`: what people type, and what they are shown for it.

Here belong arguments, runs of this process, progress, tables on a screen, sentences and exit codes. What a command does
to data is done in the room of that data. Nobody imports this room but `__main__.py` and tests.
"""
