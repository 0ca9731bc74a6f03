"""What is known about firmware, as one table: who asks, what it can run, which first-stage file it is handed."""
