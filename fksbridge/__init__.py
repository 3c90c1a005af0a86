"""The house: how the rooms of FKS Bridge are put together and run."""
