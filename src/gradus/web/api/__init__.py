"""REST v1: thin routes over the services, under `/api/v1`."""
