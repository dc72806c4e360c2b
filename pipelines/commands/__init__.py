"""One file a group of commands; `pipelines.cli` loads each only when it is called."""
