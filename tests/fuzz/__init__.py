"""Every parser of the house against every input that a machine can think of, for as long as one likes.

A target (target.py) feeds one parser with bytes; their families are datagrams, captures, requests, texts and documents.
With ``make fuzz`` atheris looks for inputs that reach code which no input has reached (fuzzing.py, a process for each
target); among the fast tests the same targets get a few hundred mutated seeds.
"""
