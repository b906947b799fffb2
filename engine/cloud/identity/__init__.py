"""Identity: users, projects, roles, the service catalog and tokens, spoken as keystone v3."""
