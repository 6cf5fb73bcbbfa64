"""What is tried with the real clients: one module per scenario, each with a `run(context)`."""
