"""What accelerators take: tables of facts, each with its source, and the check of a model against one."""
